"""Records what PyTorch computes with the networks of IQL and IDQL: `python record_methods.py` writes methods.safetensors.

Weights, batches and the losses of a few steps of Adam, as record_networks.py has them for DIAR: in double precision, stored
in single. Weights of linear layers are [input, output].
"""

import math
import pathlib

import torch
from safetensors.numpy import save_file

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)

BATCH, STATE, ACTION, HIDDEN = 6, 4, 2, 8
STEPS, RATE, POLICY_RATE = 4, 1e-2, 2e-2
EXPECTILE, DISCOUNT, SHIFT, TARGET_RATE, BETA, CAP = 0.7, 0.9, -0.25, 0.2, 3.0, 2.0
WIDTH, BLOCKS, FEATURES, TIME = 8, 2, 6, 10
record = {}


def linear(name, inputs, outputs):
    weight = (torch.randn(inputs, outputs) / math.sqrt(inputs)).requires_grad_(True)
    bias = (0.1 * torch.randn(outputs)).requires_grad_(True)
    record[f"{name}.weight"], record[f"{name}.bias"] = weight.detach().clone(), bias.detach().clone()
    return [weight, bias]


def mlp(name, inputs, outputs):
    widths = [inputs, HIDDEN, HIDDEN, outputs]
    return [linear(f"{name}.layers.{i}", *pair) for i, pair in enumerate(zip(widths, widths[1:]))]


def run(layers, x):
    for weight, bias in layers[:-1]:
        x = torch.relu(x @ weight + bias)
    weight, bias = layers[-1]
    return x @ weight + bias


def flat(layers):
    return [tensor for layer in layers for tensor in layer]


# IQL: all losses of a step with the networks as the step found them.
q0, q1 = mlp("critic.q0", STATE + ACTION, 1), mlp("critic.q1", STATE + ACTION, 1)
v, mean = mlp("critic.v", STATE, 1), mlp("policy.mean", STATE, ACTION)
log_deviation = (0.3 * torch.randn(ACTION)).requires_grad_(True)
record["policy.log_deviation"] = log_deviation.detach().clone()
slow = [[[tensor.detach().clone() for tensor in layer] for layer in q] for q in (q0, q1)]
critic_adam = [torch.optim.Adam(flat(net), lr=RATE, eps=1e-8) for net in (q0, q1, v)]
policy_adam = torch.optim.Adam([*flat(mean), log_deviation], lr=POLICY_RATE, eps=1e-8)

batches = {
    "states": torch.randn(STEPS, BATCH, STATE),
    "actions": torch.rand(STEPS, BATCH, ACTION) * 2 - 1,
    "rewards": torch.randn(STEPS, BATCH),
    "next": torch.randn(STEPS, BATCH, STATE),
    "goes_on": (torch.rand(STEPS, BATCH) < 0.8).double(),
}
record.update({f"iql.{name}": tensor for name, tensor in batches.items()})
losses = []
for step in range(STEPS):
    states, actions, rewards, next_states, goes_on = (batches[name][step] for name in batches)
    both = torch.cat([states, actions], 1)
    with torch.no_grad():
        q_slow = torch.minimum(*(run(q, both)[:, 0] for q in slow))
        target = rewards + SHIFT + goes_on * DISCOUNT * run(v, next_states)[:, 0]
    value = run(v, states)[:, 0]
    gap = q_slow - value
    v_loss = (torch.where(gap < 0, 1 - EXPECTILE, EXPECTILE) * gap**2).mean()
    q_losses = [((target - run(q, both)[:, 0]) ** 2).mean() for q in (q0, q1)]
    weights = torch.exp(BETA * gap.detach()).clamp(max=CAP)
    normal = torch.distributions.Normal(torch.tanh(run(mean, states)), log_deviation.clamp(-20, 2).exp())
    policy_loss = -(weights * normal.log_prob(actions).sum(1)).mean()
    losses.append(torch.stack([v_loss, *q_losses, policy_loss]).detach())
    for adam, loss in zip([*critic_adam, policy_adam], [*q_losses, v_loss, policy_loss]):
        adam.zero_grad()
        loss.backward()
        adam.step()
    with torch.no_grad():
        for old, new in zip(slow, (q0, q1)):
            for old_layer, new_layer in zip(old, new):
                for old_tensor, new_tensor in zip(old_layer, new_layer):
                    old_tensor.mul_(1 - TARGET_RATE).add_(TARGET_RATE * new_tensor)
record["iql.losses"] = torch.stack(losses)
record["iql.mean"] = torch.tanh(run(mean, batches["states"][0])).detach()

# IDQL's network of noise, without dropout.
frequencies = (0.2 * torch.randn(FEATURES // 2)).requires_grad_(True)
record["noise.frequencies"] = frequencies.detach().clone()
time = [linear("noise.time.0", FEATURES, TIME), linear("noise.time.1", TIME, TIME)]
entry = linear("noise.entry", ACTION + STATE + TIME, WIDTH)
blocks = []
for i in range(BLOCKS):
    gamma = (1 + 0.2 * torch.randn(WIDTH)).requires_grad_(True)
    beta = (0.2 * torch.randn(WIDTH)).requires_grad_(True)
    record[f"noise.blocks.{i}.norm.gamma"] = gamma.detach().clone()
    record[f"noise.blocks.{i}.norm.beta"] = beta.detach().clone()
    wide, narrow = linear(f"noise.blocks.{i}.wide", WIDTH, 4 * WIDTH), linear(f"noise.blocks.{i}.narrow", 4 * WIDTH, WIDTH)
    blocks.append(([gamma, beta], wide, narrow))
leave = linear("noise.exit", WIDTH, ACTION)
mish = torch.nn.functional.mish


def noise(actions, states, steps):
    angles = 2 * math.pi * steps[:, None] * frequencies
    features = torch.cat([torch.cos(angles), torch.sin(angles)], 1)
    code = mish(features @ time[0][0] + time[0][1]) @ time[1][0] + time[1][1]
    x = torch.cat([actions, states, code], 1) @ entry[0] + entry[1]
    for (gamma, beta), wide, narrow in blocks:
        normed = torch.nn.functional.layer_norm(x, [WIDTH], gamma, beta, eps=1e-5)
        x = x + mish(normed @ wide[0] + wide[1]) @ narrow[0] + narrow[1]
    return mish(x) @ leave[0] + leave[1]


actions, states, steps = torch.randn(BATCH, ACTION), torch.randn(BATCH, STATE), torch.arange(BATCH).double() % 5
wanted = torch.randn(BATCH, ACTION)
record.update({"idql.actions": actions, "idql.states": states, "idql.steps": steps, "idql.noise": wanted})
record["idql.predicted"] = noise(actions, states, steps).detach()
parameters = [frequencies, *flat(time), *entry, *leave]
parameters += [tensor for norm, wide, narrow in blocks for tensor in [*norm, *wide, *narrow]]
adam = torch.optim.Adam(parameters, lr=RATE, eps=1e-8)
losses = []
for _ in range(STEPS):
    loss = ((wanted - noise(actions, states, steps)) ** 2).sum(1).mean()
    losses.append(loss.detach())
    adam.zero_grad()
    loss.backward()
    adam.step()
record["idql.losses"] = torch.stack(losses)

path = pathlib.Path(__file__).with_name("methods.safetensors")
save_file({name: tensor.float().numpy() for name, tensor in record.items()}, path)
print(path, path.stat().st_size, record["iql.losses"], record["idql.losses"])
