"""Diffuser's temporal U-Net (Janner et al., ICML 2022) from PyTorch's own layers: trajectories are [batch, time, channels]."""

import math

import torch
from torch import nn

GROUPS = 8


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
    def __init__(self, channels, dim, multipliers, condition=0):
        super().__init__()
        self.dim, code = dim, dim + condition
        widths = [channels, *(dim * factor for factor in multipliers)]
        self.time = nn.ModuleList([nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)])
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
        self.last = Convolved(widths[1], dim)
        self.exit = nn.Conv1d(dim, channels, 1)

    def forward(self, x, steps, condition=None):
        half = self.dim // 2
        frequencies = torch.exp(torch.arange(half) * (-math.log(10_000) / (half - 1)))
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
