"""Records what PyTorch computes with small temporal U-Nets: `python record_temporal.py` writes temporal.safetensors.

One network without a condition and one with: weights, inputs, output, the gradient of the input, the norm of each
parameter's gradient, and the losses of a few steps of Adam, in double precision, stored in single. Layers are PyTorch's
own, channels first; weights are stored as ours are, linear layers [input, output] and convolutions [taps, input, output].
"""

import math
import pathlib

import torch
from safetensors.numpy import save_file
from torch import nn

torch.manual_seed(13)
torch.set_default_dtype(torch.float64)

BATCH, HORIZON, CHANNELS, DIM, GROUPS = 3, 6, 3, 8, 8
STEPS, RATE = 4, 1e-3


class Convolved(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.convolution = nn.Conv1d(inputs, outputs, 5, padding=2)
        self.norm = nn.GroupNorm(GROUPS, outputs)

    def forward(self, x):
        return nn.functional.mish(self.norm(self.convolution(x)))


class Residual(nn.Module):
    def __init__(self, inputs, outputs, code):
        super().__init__()
        self.first, self.second = Convolved(inputs, outputs), Convolved(outputs, outputs)
        self.time = nn.Linear(code, outputs)
        self.skip = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x, code):
        inner = self.first(x) + self.time(nn.functional.mish(code))[:, :, None]
        return self.second(inner) + (x if self.skip is None else self.skip(x))


class Level(nn.Module):
    def __init__(self, inputs, outputs, code):
        super().__init__()
        self.blocks = nn.ModuleList([Residual(inputs, outputs, code), Residual(outputs, outputs, code)])

    def forward(self, x, code):
        return self.blocks[1](self.blocks[0](x, code), code)


class UNet(nn.Module):
    def __init__(self, multipliers, condition):
        super().__init__()
        code = DIM + condition
        widths = [CHANNELS, *(DIM * factor for factor in multipliers)]
        self.time = nn.ModuleList([nn.Linear(DIM, 4 * DIM), nn.Linear(4 * DIM, DIM)])
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for inputs, outputs in zip(widths, widths[1:]):
            level = Level(inputs, outputs, code)
            if len(self.down) < len(multipliers) - 1:
                level.halving = nn.Conv1d(outputs, outputs, 3, stride=2, padding=1)
            self.down.append(level)
        middle = Level(widths[-1], widths[-1], code)
        self.middle = middle.blocks
        for outputs, inputs in reversed(list(zip(widths[1:], widths[2:]))):
            level = Level(2 * inputs, outputs, code)
            level.doubling = nn.ConvTranspose1d(outputs, outputs, 4, stride=2, padding=1)
            self.up.append(level)
        self.last = Convolved(widths[1], DIM)
        self.exit = nn.Conv1d(DIM, CHANNELS, 1)

    def forward(self, x, steps, condition):
        frequencies = torch.exp(torch.arange(DIM // 2) * (-math.log(10_000) / (DIM // 2 - 1)))
        angles = steps[:, None] * frequencies
        code = torch.cat([angles.sin(), angles.cos()], 1)
        code = self.time[1](nn.functional.mish(self.time[0](code)))
        if condition is not None:
            code = torch.cat([code, condition], 1)
        x, skips = x.transpose(1, 2), []
        for level in self.down:
            x = level(x, code)
            skips.append(x)
            if hasattr(level, "halving"):
                x = level.halving(x)
        x = self.middle[1](self.middle[0](x, code), code)
        for level in self.up:
            x = level.doubling(level(torch.cat([x, skips.pop()], 1), code))
        return self.exit(self.last(x)).transpose(1, 2)


def parts(net):
    """Parameters under our names, and how each is turned into our layout."""
    doublings = {id(level.doubling.weight) for level in net.up}
    for name, parameter in net.named_parameters():
        name = name.replace("norm.weight", "norm.gamma").replace("norm.bias", "norm.beta")
        turn = (2, 0, 1) if id(parameter) in doublings else (2, 1, 0)
        yield name, parameter, turn


def ours(name, array, turn):
    if array.dim() == 3:
        array = array.permute(turn)
        # A product for each row is a linear layer.
        return array[0] if array.shape[0] == 1 else array
    return array.T if array.dim() == 2 else array


record = {}
for kind, multipliers, condition in [("plain", (1, 2), 0), ("conditioned", (1, 1), 5)]:
    net = UNet(multipliers, condition)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.GroupNorm):
                module.weight.add_(0.2 * torch.randn(module.num_channels))
                module.bias.add_(0.2 * torch.randn(module.num_channels))
    for name, parameter, turn in parts(net):
        record[f"{kind}.net.{name}"] = ours(name, parameter.detach().clone(), turn)
    x = torch.randn(BATCH, HORIZON, CHANNELS).requires_grad_(True)
    steps = torch.tensor([0.0, 3.0, 17.0])
    wanted = torch.randn(BATCH, HORIZON, CHANNELS)
    given = torch.randn(BATCH, condition) if condition else None
    record.update({f"{kind}.x": x.detach(), f"{kind}.steps": steps, f"{kind}.wanted": wanted})
    if condition:
        record[f"{kind}.condition"] = given
    adam = torch.optim.Adam(net.parameters(), lr=RATE, eps=1e-8)
    losses = []
    for step in range(STEPS):
        adam.zero_grad()
        predicted = net(x, steps, given)
        loss = ((predicted - wanted) ** 2).mean()
        losses.append(loss.detach())
        loss.backward()
        if step == 0:
            record[f"{kind}.predicted"], record[f"{kind}.input"] = predicted.detach(), x.grad.clone()
            for name, parameter, _ in parts(net):
                record[f"{kind}.norms.{name}"] = parameter.grad.norm()[None]
        adam.step()
    record[f"{kind}.losses"] = torch.stack(losses)

path = pathlib.Path(__file__).with_name("temporal.safetensors")
save_file({name: tensor.float().contiguous().numpy() for name, tensor in record.items()}, path)
print(path, path.stat().st_size, record["plain.losses"], record["conditioned.losses"])
