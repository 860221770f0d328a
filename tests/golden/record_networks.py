"""Records what PyTorch computes with small networks of ours: `python record_networks.py` writes networks.safetensors.

Weights, inputs and outputs go into one file. Everything is computed in double precision and stored in single, so the
numbers are right to the last digit. Training is recorded as losses over a few steps of Adam, which pins gradients,
the bound on their norm, and the optimiser together.
"""

import pathlib

import torch
from safetensors.numpy import save_file

from networks import Networks, Sizes, alpha_bar, expectile_loss, min_snr_loss

torch.manual_seed(7)
torch.set_default_dtype(torch.float64)

BATCH, HORIZON, STATE, ACTION, LATENT = 5, 6, 4, 2, 3
BETA = 0.1
STEPS, RATE, CLIP = 4, 1e-2, 1.0

sizes = Sizes(
    state=STATE,
    action=ACTION,
    latent=LATENT,
    hidden=8,
    gru_layers=2,
    widths=(8, 4, 2),
    embedding=8,
    state_hidden=8,
    latent_hidden=6,
    last_hidden=4,
    floor=0.01,
)
nets = Networks(sizes, lambda shape, scale, shift: (scale * torch.randn(*shape) + shift).requires_grad_(True))
record = {}


def optimiser(prefix):
    parameters = nets.parameters(prefix)
    adam = torch.optim.Adam(parameters, lr=RATE, eps=1e-8)

    def step(loss):
        adam.zero_grad()
        loss.backward(inputs=parameters)
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        adam.step()

    return step


# Inputs.
states, actions = torch.randn(BATCH, HORIZON, STATE), torch.rand(BATCH, HORIZON, ACTION) * 2 - 1
noise, candidates = torch.randn(BATCH, LATENT), torch.randn(BATCH, 7, LATENT)
record.update(states=states, actions=actions, noise=noise, candidates=candidates)

# Stage 1, forward.
record["encoded.mean"], record["encoded.deviation"] = nets.encode(states, actions)
z = candidates[:, 0]
first = nets.policy(states[:, 0], torch.zeros(BATCH, ACTION), z)[0][0]
record["act"] = torch.cat([first, nets.policy(states[:, 0], torch.cat([first, first], -1), z)[1][0]], -1)
record["end"] = nets.end(states[:, 0], z)[0]

record["prior.mean"], record["prior.deviation"] = nets.prior(states[:, 0])

# Stage 2, forward.
t = torch.tensor([1, 17, 250, 499, 500])
signal = alpha_bar(500)
record["t"], record["denoised"] = t, nets.denoise(candidates, states[:, 0], t.double())
y = candidates
for step, now in enumerate((500, 320, 180, 80, 20)):  # DDIM in 5 steps: T·((5 - i)/5)²
    guess = nets.denoise(y, states[:, 0], torch.full((BATCH,), float(now)))
    following = (320, 180, 80, 20, None)[step]
    if following is None:
        y = guess
    else:
        implied = (y - signal[now].sqrt() * guess) / (1 - signal[now]).sqrt()
        y = signal[following].sqrt() * guess + (1 - signal[following]).sqrt() * implied
record["ddim"] = y

# Stage 3, forward.
q = [nets.q_value(f"critic.q{i}", states[:, 0], candidates) for i in range(2)]
record["q"], record["v"] = torch.minimum(*q), nets.v_value(states[:, 0])

# The weights as they are before training.
for name, value in list(nets.weights.items()):
    record[name] = value.detach().clone()

# Stage 1, training: action, kl, state and total loss of each step.
step, losses = optimiser("vae"), []
for _ in range(STEPS):
    loss = nets.vae_loss(states, actions, noise, BETA)
    losses.append(loss.detach())
    step(loss[3])
record["vae.losses"] = torch.stack(losses)

# Stage 2, training.
step, losses = optimiser("denoiser"), []
for _ in range(STEPS):
    loss = min_snr_loss(nets, z, states[:, 0], t, noise, signal)
    losses.append(loss.detach())
    step(loss)
record["denoiser.losses"] = torch.stack(losses)

# Stage 3, training: V, Q0 and Q1 losses of each step.
rewards, factors = torch.tensor([0.0, 0.0, 3.0, 1.5, 0.0]), torch.tensor([0.86, 0.86, 0.0, 0.0, 0.86])
importance = torch.tensor([1.0, 0.5, 0.25, 0.8, 0.1])
step_v, step_q = optimiser("critic.v"), [optimiser(f"critic.q{i}") for i in range(2)]
target = {name: value.detach().clone() for name, value in nets.weights.items() if name.startswith("critic.q")}
losses = []
for _ in range(STEPS):
    online = dict(nets.weights)
    nets.weights.update(target)
    with torch.no_grad():
        best = torch.minimum(*[nets.q_value(f"critic.q{i}", states[:, -1], candidates) for i in range(2)])
    nets.weights.update({name: online[name] for name in target})
    v_loss = expectile_loss(best, nets.v_value(states[:, -1]), 0.9)
    step_v(v_loss)
    y = rewards + factors * nets.v_value(states[:, -1]).detach()
    row = [v_loss.detach()]
    for i in range(2):
        error = y - nets.q_value(f"critic.q{i}", states[:, 0], z[:, None])[:, 0]
        loss = (importance * error**2).mean()
        step_q[i](loss)
        row.append(loss.detach())
    target = {name: 0.9 * old + 0.1 * nets.weights[name].detach() for name, old in target.items()}
    losses.append(torch.stack(row))
record["critic.losses"] = torch.stack(losses)
record.update(rewards=rewards, factors=factors, importance=importance)

path = pathlib.Path(__file__).with_name("networks.safetensors")
save_file({name: value.detach().to(torch.float32).contiguous().numpy() for name, value in record.items()}, path)
print(f"{path.name}: {len(record)} arrays, {path.stat().st_size} bytes")
