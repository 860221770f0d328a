"""The product's networks in PyTorch, as functions of named weights.

Names and shapes are a bundle's (docs/formats.md); a linear weight is `[input, output]`. This is the plain form, written
to be read: `record_networks.py` records what it computes, and `tests/rivals/` measures faster forms of it.
"""

import dataclasses
import math

import torch
import torch.nn.functional as F

SINUSOIDS = 128


@dataclasses.dataclass
class Sizes:
    """Widths of the networks; `settings.rs` says what each is. A network that is not used needs none."""

    state: int
    latent: int
    action: int = 0
    hidden: int = 0
    gru_layers: int = 0
    widths: tuple = ()
    embedding: int = 0
    state_hidden: int = 0
    latent_hidden: int = 0
    last_hidden: int = 0
    floor: float = 1e-3


class Networks:
    """All networks of an agent. `draw(shape, scale, shift)` gives a weight when it is first asked for."""

    def __init__(self, sizes, draw):
        self.sizes, self.draw, self.weights = sizes, draw, {}

    def parameter(self, name, *shape, scale=0.5, shift=0.0):
        if name not in self.weights:
            self.weights[name] = self.draw(shape, scale, shift)
        return self.weights[name]

    def parameters(self, prefix):
        return [value for name, value in self.weights.items() if name.startswith(prefix)]

    # Blocks.

    def linear(self, name, x, out):
        weight = self.parameter(f"{name}.weight", x.shape[-1], out)
        return F.linear(x, weight.T, self.parameter(f"{name}.bias", out, scale=0.2))

    def norm(self, name, x):
        width = x.shape[-1]
        gain = self.parameter(f"{name}.gamma", width, scale=0.2, shift=1.0)
        return F.layer_norm(x, (width,), gain, self.parameter(f"{name}.beta", width, scale=0.2), eps=1e-5)

    def norm_gelu(self, name, x, out):
        return F.gelu(self.norm(f"{name}.norm", self.linear(f"{name}.linear", x, out)))

    def head(self, name, x, hidden, out):
        return self.linear(f"{name}.second", F.relu(self.linear(f"{name}.first", x, hidden)), out)

    def heads(self, name, x, out):
        """Mean and deviation."""
        hidden = self.sizes.hidden
        mean, deviation = self.head(f"{name}.mean", x, hidden, out), self.head(f"{name}.deviation", x, hidden, out)
        return mean, F.softplus(deviation) + self.sizes.floor

    def gaussian_net(self, name, x, out):
        hidden = self.sizes.hidden
        return self.heads(f"{name}.heads", F.relu(self.head(f"{name}.trunk", x, hidden, hidden)), out)

    # The VAE.

    def gru_weights(self, name, layer, direction, inputs):
        """Input and hidden weight and bias as PyTorch has them; ours are transposed."""
        hidden, weights, biases = self.sizes.hidden, [], []
        for part, width in (("input", inputs), ("hidden", hidden)):
            path = f"{name}.{direction}.{layer}.{part}"
            weights.append(self.parameter(f"{path}.weight", width, 3 * hidden).T)
            biases.append(self.parameter(f"{path}.bias", 3 * hidden, scale=0.2))
        return weights + biases

    def gru_last(self, name, x):
        """torch.nn.GRU in both directions, at the last step: `[batch, steps, input]` to `[batch, 2 * hidden]`."""
        hidden, layers = self.sizes.hidden, self.sizes.gru_layers
        module = torch.nn.GRU(x.shape[-1], hidden, layers, batch_first=True, bidirectional=True)
        values = {}
        for layer in range(layers):
            inputs = x.shape[-1] if layer == 0 else 2 * hidden
            for direction, suffix in (("forward", ""), ("backward", "_reverse")):
                names = [f"{part}_l{layer}{suffix}" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
                values.update(zip(names, self.gru_weights(name, layer, direction, inputs)))
        return torch.func.functional_call(module, values, (x,))[0][:, -1]

    def encode(self, states, actions):
        x = states
        for layer in range(2):
            x = F.relu(self.linear(f"vae.encoder.embed.{layer}", x, self.sizes.hidden))
        x = self.gru_last("vae.encoder.gru", torch.cat([x, actions], -1))
        return self.heads("vae.encoder.heads", x, self.sizes.latent)

    def policy(self, states, actions, latents):
        """A Gaussian per action number, which sees the numbers before it."""
        return [
            self.gaussian_net(f"vae.decoder.policy.numbers.{i}", torch.cat([states, actions[:, :i], latents], -1), 1)
            for i in range(self.sizes.action)
        ]

    def end(self, states, latents):
        return self.gaussian_net("vae.decoder.state", torch.cat([states, latents], -1), self.sizes.state)

    def prior(self, states):
        return self.gaussian_net("vae.prior", states, self.sizes.latent)

    @staticmethod
    def log_density(gaussian, x):
        return torch.distributions.Normal(*gaussian).log_prob(x).sum(-1)

    @staticmethod
    def divergence(a, b):
        return torch.distributions.kl_divergence(torch.distributions.Normal(*a), torch.distributions.Normal(*b)).sum(-1)

    def vae_loss(self, states, actions, noise, beta):
        """Action, divergence, state and total loss."""
        horizon = states.shape[1]
        posterior = self.encode(states, actions)
        z = posterior[0] + posterior[1] * noise
        rows = z[:, None].expand(-1, horizon, -1).reshape(-1, z.shape[-1])
        flat_actions = actions.reshape(-1, actions.shape[-1])
        parts = self.policy(states.reshape(-1, states.shape[-1]), flat_actions, rows)
        action = -sum(self.log_density(part, flat_actions[:, i : i + 1]) for i, part in enumerate(parts)).mean()
        kl = self.divergence(posterior, self.prior(states[:, 0])).mean() / horizon
        state = -self.log_density(self.end(states[:, 0], z.detach()), states[:, -1]).mean() / horizon
        return torch.stack([action, kl, state, action + beta * kl + state])

    # The denoiser.

    def waves(self, t):
        half = SINUSOIDS // 2
        k = torch.arange(half) / (half - 1)
        angles = t[:, None] * torch.exp(-math.log(10_000.0) * k)
        return torch.cat([angles.sin(), angles.cos()], -1)

    def block(self, i, x, time, state):
        name, width = f"denoiser.blocks.{i}", x.shape[-1]
        scale, shift = self.linear(f"{name}.time", time, 2 * width).chunk(2, -1)
        seen = self.norm(f"{name}.norm", self.linear(f"{name}.state", state, width)).expand(*x.shape[:-1], -1)
        h = self.norm(f"{name}.norm", self.linear(f"{name}.first", torch.cat([x, seen], -1), width))
        h = self.linear(f"{name}.second", F.gelu(torch.addcmul(shift, h, 1 + scale)), width)
        return F.gelu(self.norm(f"{name}.norm", h)) + x

    def denoise(self, z, states, t):
        """z `[states, candidates, latent]`, states `[states, state]`, diffusion steps `[states]`."""
        time, state = self.waves(t), states
        for layer in range(2):
            time = self.norm_gelu(f"denoiser.time.{layer}", time, self.sizes.embedding)
            state = self.norm_gelu(f"denoiser.state.{layer}", state, self.sizes.embedding)
        time, state = time[:, None], state[:, None]
        return self.u_net(z, lambda i, x: self.block(i, x, time, state))

    def u_net(self, z, block):
        """Down, up, and home. `block(i, x)` is the residual block number i."""
        widths = self.sizes.widths
        levels = len(widths)
        start = self.linear("denoiser.input", z, widths[0])
        x, skips = block(0, start), []
        for level in range(1, levels):
            skips.append(x)
            x = self.linear(f"denoiser.down.{level - 1}", x, widths[level])
            x = block(level, F.gelu(self.norm(f"denoiser.norms.{level}", x)))
        for i, level in enumerate(reversed(range(levels - 1))):
            x = self.linear(f"denoiser.up.{i}", x, widths[level])
            x = block(levels + i, F.gelu(self.norm(f"denoiser.norms.{level}", x)) + skips[level])
        return self.linear("denoiser.output", block(2 * levels - 1, x + start), self.sizes.latent)

    # The critic.

    def tower(self, name, x, width):
        for layer in range(2):
            x = self.norm_gelu(f"{name}.{layer}", x, width)
        return x

    def top(self, name, x):
        x = self.norm_gelu(f"{name}.last", x, self.sizes.last_hidden)
        return self.linear(f"{name}.output", x, 1)[..., 0]

    def q_value(self, name, states, latents):
        """States `[states, state]`, latents `[states, candidates, latent]` to `[states, candidates]`."""
        s, z = states, latents
        for layer in range(2):
            s = self.norm_gelu(f"{name}.state.{layer}", s, self.sizes.state_hidden)
            z = self.norm_gelu(f"{name}.latent.{layer}", z, self.sizes.latent_hidden)
        x = torch.cat([s[:, None].expand(-1, z.shape[1], -1), z], -1)
        return self.top(name, self.norm_gelu(f"{name}.joint", x, self.sizes.latent_hidden))

    def v_value(self, states):
        x = self.tower("critic.v.state", states, self.sizes.state_hidden)
        return self.top("critic.v", self.norm_gelu("critic.v.joint", x, self.sizes.latent_hidden))


def alpha_bar(steps, dtype=torch.float64):
    """`ᾱ_t` of the linear schedule for t = 0..=steps; its index 0 is part of the product."""
    slope = (0.02 - 1e-4) / (max(steps, 2) - 1)
    beta = torch.tensor([1e-4] + [1e-4 + slope * (i - 1) for i in range(1, steps + 1)], dtype=torch.float64)
    return torch.cumprod(1 - beta, 0).to(dtype)


def min_snr_loss(networks, z, states, t, noise, alpha_bar):
    """Min-SNR-5 weighted error of the predicted latents; z and noise `[batch, latent]`, t `[batch]` whole numbers."""
    a = alpha_bar[t][:, None]
    noised = a.sqrt() * z + (1 - a).sqrt() * noise
    guess = networks.denoise(noised[:, None], states, t.to(z.dtype))[:, 0]
    return ((a / (1 - a)).clamp_max(5.0) * (z - guess) ** 2).mean()


def expectile_loss(q, v, expectile):
    """q `[states, candidates]`, v `[states]`."""
    u = q - v[:, None]
    return (torch.where(u < 0, 1 - expectile, expectile) * u**2).mean()
