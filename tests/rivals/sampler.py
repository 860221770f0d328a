"""The linear updates that take noise to latents, as `core/src/diffusion/sampler.rs` has them."""

import collections
import itertools
import math

from networks import alpha_bar

Update = collections.namedtuple("Update", "t keep clean noise")


def updates(kind, steps, extra, diffusion_steps=500):
    """`y ← keep·y + clean·ẑ + noise·ξ` at diffusion step t, first to last."""
    signal = alpha_bar(diffusion_steps).tolist()
    if kind == "ddpm":
        return [ancestral(signal, t) for t in [*range(diffusion_steps, 0, -1), *[1] * extra]]
    jump = {"sde": stochastic, "ddim": deterministic}[kind]
    # Rust rounds halves up, Python to even.
    at = [max(math.floor(diffusion_steps * ((steps - i) / steps) ** 2 + 0.5), steps - i) for i in range(steps)]
    jumps = [Update(now, *jump(signal[now], signal[then])) for now, then in itertools.pairwise(at)]
    return [*jumps, Update(at[-1], 0.0, 1.0, 0.0)]


def ancestral(signal, t):
    beta = 1 - signal[t] / signal[t - 1]
    root = math.sqrt(1 - beta)
    clean = beta * math.sqrt(signal[t]) / ((1 - signal[t]) * root)
    return Update(t, (1 - beta / (1 - signal[t])) / root, clean, math.sqrt(beta) if t > 1 else 0.0)


def deterministic(now, then):
    keep = math.sqrt((1 - then) / (1 - now))
    return keep, math.sqrt(then) - math.sqrt(now) * keep, 0.0


def stochastic(now, then):
    shrink = math.sqrt((1 - then) / (1 - now))
    decay = (now / (1 - now)) / (then / (1 - then))
    return shrink * math.sqrt(decay), math.sqrt(then) * (1 - decay), math.sqrt((1 - then) * (1 - decay))
