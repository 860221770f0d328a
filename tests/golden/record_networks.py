"""Records what PyTorch computes with small networks of ours: `python record_networks.py` writes networks.safetensors.

Weights, inputs and outputs go into one file. Everything is computed in double precision and stored in single, so the
numbers are right to the last digit. Training is recorded as losses over a few steps of Adam, which pins gradients,
the bound on their norm, and the optimiser together.
"""

import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

torch.manual_seed(7)
torch.set_default_dtype(torch.float64)

BATCH, HORIZON, STATE, ACTION, LATENT = 5, 6, 4, 2, 3
HIDDEN, LAYERS = 8, 2
WIDTHS, EMBEDDING = [8, 4, 2], 8
STATE_HIDDEN, LATENT_HIDDEN, LAST_HIDDEN = 8, 6, 4
FLOOR, BETA = 0.01, 0.1
STEPS, RATE, CLIP = 4, 1e-2, 1.0

weights, record = {}, {}


def parameter(name, *shape, scale=0.5, shift=0.0):
    """The weight of a name, drawn when it is first asked for."""
    if name not in weights:
        weights[name] = (scale * torch.randn(*shape) + shift).requires_grad_(True)
    return weights[name]


def linear(name, x, out):
    return x @ parameter(f"{name}.weight", x.shape[-1], out) + parameter(f"{name}.bias", out, scale=0.2)


def norm(name, x):
    width = x.shape[-1]
    gain, bias = parameter(f"{name}.gamma", width, scale=0.2, shift=1.0), parameter(f"{name}.beta", width, scale=0.2)
    return F.layer_norm(x, (width,), gain, bias, eps=1e-5)


def norm_gelu(name, x, out):
    return F.gelu(norm(f"{name}.norm", linear(f"{name}.linear", x, out)))


def head(name, x, hidden, out):
    return linear(f"{name}.second", F.relu(linear(f"{name}.first", x, hidden)), out)


def heads(name, x, out):
    return head(f"{name}.mean", x, HIDDEN, out), F.softplus(head(f"{name}.deviation", x, HIDDEN, out)) + FLOOR


def gaussian_net(name, x, out):
    return heads(f"{name}.heads", F.relu(head(f"{name}.trunk", x, HIDDEN, HIDDEN)), out)


def gru(name, x):
    """torch.nn.GRU with our weights; ours are transposed."""
    module = torch.nn.GRU(x.shape[-1], HIDDEN, LAYERS, batch_first=True, bidirectional=True)
    values = {}
    for layer in range(LAYERS):
        width = x.shape[-1] if layer == 0 else 2 * HIDDEN
        for direction, suffix in (("forward", ""), ("backward", "_reverse")):
            for ours, theirs, inputs in (("input", "ih", width), ("hidden", "hh", HIDDEN)):
                path = f"{name}.{direction}.{layer}.{ours}"
                values[f"weight_{theirs}_l{layer}{suffix}"] = parameter(f"{path}.weight", inputs, 3 * HIDDEN).T
                values[f"bias_{theirs}_l{layer}{suffix}"] = parameter(f"{path}.bias", 3 * HIDDEN, scale=0.2)
    return torch.func.functional_call(module, values, (x,))[0]


def encode(states, actions):
    x = states
    for layer in range(2):
        x = F.relu(linear(f"vae.encoder.embed.{layer}", x, HIDDEN))
    return heads("vae.encoder.heads", gru("vae.encoder.gru", torch.cat([x, actions], -1))[:, -1], LATENT)


def policy(states, actions, latents):
    return [
        gaussian_net(f"vae.decoder.policy.numbers.{i}", torch.cat([states, actions[:, :i], latents], -1), 1)
        for i in range(ACTION)
    ]


def log_density(gaussian, x):
    return torch.distributions.Normal(*gaussian).log_prob(x).sum(-1)


def vae_loss(states, actions, noise):
    mean, deviation = encode(states, actions)
    z = mean + deviation * noise
    rows = z[:, None].expand(-1, HORIZON, -1).reshape(-1, LATENT)
    flat_actions = actions.reshape(-1, ACTION)
    parts = policy(states.reshape(-1, STATE), flat_actions, rows)
    action = -sum(log_density(part, flat_actions[:, i : i + 1]) for i, part in enumerate(parts)).mean()
    posterior, prior = torch.distributions.Normal(mean, deviation), torch.distributions.Normal(
        *gaussian_net("vae.prior", states[:, 0], LATENT)
    )
    kl = torch.distributions.kl_divergence(posterior, prior).sum(-1).mean() / HORIZON
    end = gaussian_net("vae.decoder.state", torch.cat([states[:, 0], z.detach()], -1), STATE)
    state = -log_density(end, states[:, -1]).mean() / HORIZON
    return torch.stack([action, kl, state, action + BETA * kl + state])


def denoise(z, states, t):
    """z [B, n, L], states [B, S], t [B]."""
    k = torch.arange(64) / 63
    angles = t[:, None] * torch.exp(-np.log(10_000.0) * k)
    time, state = torch.cat([angles.sin(), angles.cos()], -1), states
    for layer in range(2):
        time = norm_gelu(f"denoiser.time.{layer}", time, EMBEDDING)
        state = norm_gelu(f"denoiser.state.{layer}", state, EMBEDDING)
    time, state = time[:, None], state[:, None]

    def block(i, x):
        name, width = f"denoiser.blocks.{i}", x.shape[-1]
        scale, shift = linear(f"{name}.time", time, 2 * width).chunk(2, -1)
        seen = norm(f"{name}.norm", linear(f"{name}.state", state, width)).expand(-1, x.shape[1], -1)
        h = norm(f"{name}.norm", linear(f"{name}.first", torch.cat([x, seen], -1), width))
        h = norm(f"{name}.norm", linear(f"{name}.second", F.gelu(h * (1 + scale) + shift), width))
        return F.gelu(h) + x

    start = linear("denoiser.input", z, WIDTHS[0])
    x = h1 = block(0, start)
    x = h2 = block(1, F.gelu(norm("denoiser.norms.1", linear("denoiser.down.0", x, WIDTHS[1]))))
    x = block(2, F.gelu(norm("denoiser.norms.2", linear("denoiser.down.1", x, WIDTHS[2]))))
    x = block(3, F.gelu(norm("denoiser.norms.1", linear("denoiser.up.0", x, WIDTHS[1]))) + h2)
    x = block(4, F.gelu(norm("denoiser.norms.0", linear("denoiser.up.1", x, WIDTHS[0]))) + h1)
    return linear("denoiser.output", block(5, x + start), LATENT)


def q_value(name, states, latents):
    """states [B, S], latents [B, n, L] to [B, n]."""
    s, z = states, latents
    for layer in range(2):
        s = norm_gelu(f"{name}.state.{layer}", s, STATE_HIDDEN)
        z = norm_gelu(f"{name}.latent.{layer}", z, LATENT_HIDDEN)
    x = torch.cat([s[:, None].expand(-1, z.shape[1], -1), z], -1)
    x = norm_gelu(f"{name}.last", norm_gelu(f"{name}.joint", x, LATENT_HIDDEN), LAST_HIDDEN)
    return linear(f"{name}.output", x, 1)[..., 0]


def v_value(states):
    x = states
    for layer in range(2):
        x = norm_gelu(f"critic.v.state.{layer}", x, STATE_HIDDEN)
    x = norm_gelu("critic.v.last", norm_gelu("critic.v.joint", x, LATENT_HIDDEN), LAST_HIDDEN)
    return linear("critic.v.output", x, 1)[:, 0]


def optimiser(prefix):
    parameters = [value for name, value in weights.items() if name.startswith(prefix)]
    adam = torch.optim.Adam(parameters, lr=RATE, eps=1e-8)

    def step(loss):
        adam.zero_grad()
        loss.backward(inputs=parameters)
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        adam.step()

    return step


# Inputs.
states, actions = torch.randn(BATCH, HORIZON, STATE), torch.rand(BATCH, HORIZON, ACTION) * 2 - 1
noise, candidates, n = torch.randn(BATCH, LATENT), torch.randn(BATCH, 7, LATENT), 7
record.update(states=states, actions=actions, noise=noise, candidates=candidates)

# Stage 1, forward.
record["encoded.mean"], record["encoded.deviation"] = encode(states, actions)
z = candidates[:, 0]
first = policy(states[:, 0], torch.zeros(BATCH, ACTION), z)[0][0]
record["act"] = torch.cat([first, policy(states[:, 0], torch.cat([first, first], -1), z)[1][0]], -1)
record["end"] = gaussian_net("vae.decoder.state", torch.cat([states[:, 0], z], -1), STATE)[0]

record["prior.mean"], record["prior.deviation"] = gaussian_net("vae.prior", states[:, 0], LATENT)

# Stage 2, forward.
t = torch.tensor([1.0, 17.0, 250.0, 499.0, 500.0])
alpha_bar = torch.cumprod(
    1 - torch.tensor([1e-4] + [1e-4 + (0.02 - 1e-4) * (i - 1) / 499 for i in range(1, 501)]), 0
)
record["t"], record["denoised"] = t, denoise(candidates, states[:, 0], t)
y = candidates
for step, now in enumerate((500, 320, 180, 80, 20)):  # DDIM in 5 steps: T·((5 - i)/5)²
    guess = denoise(y, states[:, 0], torch.full((BATCH,), float(now)))
    following = (320, 180, 80, 20, None)[step]
    if following is None:
        y = guess
    else:
        implied = (y - alpha_bar[now].sqrt() * guess) / (1 - alpha_bar[now]).sqrt()
        y = alpha_bar[following].sqrt() * guess + (1 - alpha_bar[following]).sqrt() * implied
record["ddim"] = y

# Stage 3, forward.
q = [q_value(f"critic.q{i}", states[:, 0], candidates) for i in range(2)]
record["q"], record["v"] = torch.minimum(*q), v_value(states[:, 0])

# The weights as they are before training.
for name, value in list(weights.items()):
    record[name] = value.detach().clone()

# Stage 1, training: action, kl, state and total loss of each step.
step, losses = optimiser("vae"), []
for _ in range(STEPS):
    loss = vae_loss(states, actions, noise)
    losses.append(loss.detach())
    step(loss[3])
record["vae.losses"] = torch.stack(losses)

# Stage 2, training.
step, losses = optimiser("denoiser"), []
weight = torch.minimum(alpha_bar[t.long()] / (1 - alpha_bar[t.long()]), torch.tensor(5.0))
for _ in range(STEPS):
    a = alpha_bar[t.long()][:, None]
    noised = a.sqrt() * z + (1 - a).sqrt() * noise
    guess = denoise(noised[:, None], states[:, 0], t)[:, 0]
    loss = (weight[:, None] * (z - guess) ** 2).mean()
    losses.append(loss.detach())
    step(loss)
record["denoiser.losses"] = torch.stack(losses)

# Stage 3, training: V, Q0 and Q1 losses and the TD errors of each step.
rewards, factors = torch.tensor([0.0, 0.0, 3.0, 1.5, 0.0]), torch.tensor([0.86, 0.86, 0.0, 0.0, 0.86])
importance = torch.tensor([1.0, 0.5, 0.25, 0.8, 0.1])
step_v, step_q = optimiser("critic.v"), [optimiser(f"critic.q{i}") for i in range(2)]
target = {name: value.detach().clone() for name, value in weights.items() if name.startswith("critic.q")}
losses = []
for _ in range(STEPS):
    online = dict(weights)
    weights.update(target)
    with torch.no_grad():
        best = torch.minimum(*[q_value(f"critic.q{i}", states[:, -1], candidates) for i in range(2)])
    weights.update({name: online[name] for name in target})
    u = best - v_value(states[:, -1])[:, None]
    v_loss = (torch.where(u < 0, 0.1, 0.9) * u**2).mean()
    step_v(v_loss)
    y = rewards + factors * v_value(states[:, -1]).detach()
    row = [v_loss.detach()]
    for i in range(2):
        error = y - q_value(f"critic.q{i}", states[:, 0], z[:, None])[:, 0]
        loss = (importance * error**2).mean()
        step_q[i](loss)
        row.append(loss.detach())
    target = {name: 0.9 * old + 0.1 * weights[name].detach() for name, old in target.items()}
    losses.append(torch.stack(row))
record["critic.losses"] = torch.stack(losses)
record.update(rewards=rewards, factors=factors, importance=importance)

path = pathlib.Path(__file__).with_name("networks.safetensors")
save_file({name: value.detach().to(torch.float32).contiguous().numpy() for name, value in record.items()}, path)
print(f"{path.name}: {len(record)} arrays, {path.stat().st_size} bytes")
