"""The same networks, as fast as PyTorch's own operations make them.

Every override computes the function of the plain form (`pytorch.py --check` holds them against each other).
"""

import math

import torch
import torch.nn.functional as F

from networks import Networks


@torch.compiler.disable
def gru(x, weights, both):
    """What nn.GRU calls; `torch.compile` leaves recurrent networks alone by itself, too. Steps first."""
    layers = len(weights) // 4
    return torch.gru(
        x,
        x.new_zeros(layers, x.shape[1], weights[1].shape[1]),
        weights,
        True,
        layers // (1 + both),
        0.0,
        False,
        both,
        False,
    )[0]


class Fast(Networks):
    """For training: closed forms, looked-up sinusoids, the state's share of Q computed once per state."""

    def __init__(self, sizes, draw, diffusion_steps=500):
        super().__init__(sizes, draw)
        self.table = super().waves(torch.arange(diffusion_steps + 1, dtype=torch.float64)).to(torch.get_default_dtype())

    def waves(self, t):
        return self.table[t.long()]

    def gru_last(self, name, x):
        """The last layer's backward direction takes one step only: nothing else of it is asked for."""
        x, top = x.transpose(0, 1), self.sizes.gru_layers - 1
        below = []
        for layer in range(top):
            inputs = x.shape[-1] if layer == 0 else 2 * self.sizes.hidden
            for direction in ("forward", "backward"):
                below += self.gru_weights(name, layer, direction, inputs)
        x = gru(x, below, True) if below else x
        ahead, behind = (self.gru_weights(name, top, way, x.shape[-1]) for way in ("forward", "backward"))
        return torch.cat([gru(x, ahead, False)[-1], gru(x[-1:], behind, False)[-1]], -1)

    @staticmethod
    def log_density(gaussian, x):
        mean, deviation = gaussian
        return (-0.5 * ((x - mean) / deviation) ** 2 - deviation.log()).sum(-1) - 0.5 * math.log(math.tau) * x.shape[-1]

    @staticmethod
    def divergence(a, b):
        ratio, shift = (a[1] / b[1]) ** 2, ((a[0] - b[0]) / b[1]) ** 2
        return 0.5 * (ratio + shift - ratio.log() - 1).sum(-1)

    def q_value(self, name, states, latents):
        s = self.tower(f"{name}.state", states, self.sizes.state_hidden)
        z = self.tower(f"{name}.latent", latents, self.sizes.latent_hidden)
        joint, out = f"{name}.joint.linear", self.sizes.latent_hidden
        weight, bias = (
            self.parameter(f"{joint}.weight", s.shape[-1] + z.shape[-1], out),
            self.parameter(f"{joint}.bias", out),
        )
        share = F.linear(s, weight[: s.shape[-1]].T, bias)[:, None]
        return self.top(name, F.gelu(self.norm(f"{name}.joint.norm", share + F.linear(z, weight[s.shape[-1] :].T))))


class Factored(Fast):
    """For deciding: what depends on the diffusion step or on the state alone is computed once."""

    def tables(self, steps):
        """Gain and bias of each block's first norm with a diffusion step's modulation folded in, `[steps][blocks]`."""
        time = self.waves(torch.tensor(steps))
        for layer in range(2):
            time = self.norm_gelu(f"denoiser.time.{layer}", time, self.sizes.embedding)
        tables = []
        for i, width in enumerate(self.levels()):
            scale, shift = self.linear(f"denoiser.blocks.{i}.time", time, 2 * width).chunk(2, -1)
            norm = f"denoiser.blocks.{i}.norm"
            gain, bias = self.parameter(f"{norm}.gamma", width), self.parameter(f"{norm}.beta", width)
            tables.append((gain * (1 + scale), bias * (1 + scale) + shift))
        return [[(gain[step], bias[step]) for gain, bias in tables] for step in range(len(steps))]

    def levels(self):
        """Width of each block."""
        widths = list(self.sizes.widths)
        return widths + widths[-2::-1] + widths[:1]

    def condition(self, state):
        """The state's share of each block's first layer, `[1, width]` each."""
        for layer in range(2):
            state = self.norm_gelu(f"denoiser.state.{layer}", state, self.sizes.embedding)
        shares = []
        for i, width in enumerate(self.levels()):
            name = f"denoiser.blocks.{i}"
            seen = self.norm(f"{name}.norm", self.linear(f"{name}.state", state, width))
            weight, bias = (
                self.parameter(f"{name}.first.weight", 2 * width, width),
                self.parameter(f"{name}.first.bias", width),
            )
            shares.append(torch.addmm(bias, seen, weight[width:]))
        return shares

    def denoise_factored(self, z, shares, table):
        """z `[candidates, latent]`."""

        def block(i, x):
            name, width = f"denoiser.blocks.{i}", x.shape[-1]
            h = torch.addmm(shares[i], x, self.parameter(f"{name}.first.weight", 2 * width, width)[:width])
            h = F.gelu(F.layer_norm(h, (width,), *table[i]))
            return F.gelu(self.norm(f"{name}.norm", self.linear(f"{name}.second", h, width))) + x

        return self.u_net(z, block)
