"""Holds the fast forms against the plain ones and the golden recording, and compiled steps against eager ones."""

import math
import pathlib

import torch
from safetensors.torch import load_file

from cases import Critic, Decision, Denoiser, Vae
from fast import Factored, Fast
from networks import Networks, Sizes
from sampler import updates

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden" / "networks.safetensors"
# The sizes of record_networks.py.
SIZES = dict(
    state=4,
    action=2,
    latent=3,
    hidden=8,
    gru_layers=2,
    widths=(8, 4, 2),
    embedding=8,
    state_hidden=8,
    latent_hidden=6,
    last_hidden=4,
    floor=0.01,
)
BATCH = dict(batch=5, horizon=6, latents=7, rate=1e-2, clip=1.0, target_rate=0.1, **SIZES)
STEPS = 4


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def near(self, what, found, expected, tolerance):
        found, expected = torch.as_tensor(found).detach().double(), torch.as_tensor(expected).detach().double()
        off = ((found - expected).abs() / expected.abs().clamp_min(1.0)).max().item()
        good = found.shape == expected.shape and off <= tolerance
        self.passed, self.failed = self.passed + good, self.failed + (not good)
        print(f"{'ok    ' if good else 'FAILED'} {what}: off by {off:.1e}", flush=True)


def check():
    torch.set_default_dtype(torch.float64)
    checks = Checks()
    golden = {name: value.double() for name, value in load_file(GOLDEN).items()}
    forward(checks, golden)
    decisions(checks, golden)
    for variant, tolerance in (("eager", 1e-5), ("compile", 1e-5)):
        training(checks, golden, variant, tolerance)
    single(checks)
    print(f"{checks.passed} passed, {checks.failed} failed")
    return checks.failed > 0


def networks(kind, golden, trained=False):
    """Networks with the recorded weights."""
    net = kind(Sizes(**SIZES), None)
    parts = "vae.", "denoiser.", "critic."
    net.weights = {
        name: value.clone().requires_grad_(trained)
        for name, value in golden.items()
        if name.startswith(parts) and not name.endswith("losses")
    }
    return net


def forward(checks, golden):
    states, actions, candidates = golden["states"], golden["actions"], golden["candidates"]
    for kind in (Networks, Fast, Factored):
        net, name = networks(kind, golden), kind.__name__.lower()
        for part, value in zip(("mean", "deviation"), net.encode(states, actions)):
            checks.near(f"{name} encoder, {part}", value, golden[f"encoded.{part}"], 1e-6)
        for part, value in zip(("mean", "deviation"), net.prior(states[:, 0])):
            checks.near(f"{name} prior, {part}", value, golden[f"prior.{part}"], 1e-6)
        checks.near(f"{name} end", net.end(states[:, 0], candidates[:, 0])[0], golden["end"], 1e-6)
        checks.near(f"{name} denoiser", net.denoise(candidates, states[:, 0], golden["t"]), golden["denoised"], 1e-6)
        q = torch.minimum(*[net.q_value(q, states[:, 0], candidates) for q in Critic.NAMES])
        checks.near(f"{name} Q", q, golden["q"], 1e-6)
        checks.near(f"{name} V", net.v_value(states[:, 0]), golden["v"], 1e-6)


def decisions(checks, golden):
    """DDIM as recorded; all samplers the same in every variant, given the same noise."""
    for kind, steps, extra in (("ddim", 5, 0), ("sde", 5, 0), ("ddpm", 500, 5)):
        answers = {}
        for variant in ("unfactored", "factored", "factored compile"):
            torch.manual_seed(1)
            request = dict(candidates=7, steps=steps, extra=extra, kind=kind, **SIZES)
            decision = Decision(request, variant, networks(Factored, golden))
            if kind == "ddim":
                given = golden["candidates"][2]
                answers[variant] = decision.decide(golden["states"][2:3, 0], lambda given=given: given)
                checks.near(f"ddim, {variant}, as recorded", answers[variant][0], golden["ddim"][2], 1e-5)
            else:
                torch.manual_seed(2)
                answers[variant] = decision.decide(golden["states"][:1, 0], decision.noise)
        for variant in ("factored", "factored compile"):
            for part, found, expected in zip(
                ("latents", "Q", "end", "V(end)"), answers[variant], answers["unfactored"]
            ):
                checks.near(f"{kind} {steps}+{extra}, {variant}, {part}", found, expected, 1e-5)
    first, last = updates("ddpm", 500, 5)[0], updates("ddpm", 500, 5)[-1]
    checks.near("DDPM, noise at step 500", first.noise, math.sqrt(0.02), 1e-9)
    checks.near("DDPM, the last step halves the distance", [last.keep, last.clean], [0.5, 0.5], 1e-3)


def training(checks, golden, variant, tolerance):
    """The losses of a few steps of Adam, as recorded."""
    states, z = golden["states"], golden["candidates"][:, 0]
    vae = Vae(BATCH, variant, networks(Fast, golden, trained=True))
    found = [vae.step(states, golden["actions"], golden["noise"]) for _ in range(STEPS)]
    checks.near(f"VAE steps, {variant}", torch.stack(found), golden["vae.losses"], tolerance)

    denoiser = Denoiser(BATCH, variant, networks(Fast, golden, trained=True))
    found = [denoiser.step(z, states[:, 0], golden["t"].long(), golden["noise"]) for _ in range(STEPS)]
    checks.near(f"denoiser steps, {variant}", torch.stack(found), golden["denoiser.losses"], tolerance)

    critic = Critic(BATCH, variant, networks(Fast, golden, trained=True))
    data = (
        states[:, 0],
        states[:, -1],
        z,
        golden["candidates"],
        golden["rewards"],
        golden["factors"],
        golden["importance"],
    )
    found = [critic.step(*data)[0] for _ in range(STEPS)]
    checks.near(f"critic steps, {variant}", torch.stack(found), golden["critic.losses"], tolerance)


def single(checks):
    """What is measured, in single precision at a size between: compiled as eager, and factored as unfactored."""
    torch.set_default_dtype(torch.float32)
    sizes = {
        **SIZES,
        "latent": 16,
        "hidden": 32,
        "widths": (32, 16, 8),
        "embedding": 32,
        "state_hidden": 32,
        "latent_hidden": 32,
        "last_hidden": 16,
    }
    answers = {}
    for variant in ("unfactored", "factored", "factored compile"):
        torch.manual_seed(3)
        decision = Decision(dict(candidates=64, steps=5, extra=0, kind="sde", **sizes), variant)
        torch.manual_seed(4)
        answers[variant] = decision.decide(decision.state, decision.noise)
    for variant in ("factored", "factored compile"):
        for part, found, expected in zip(("latents", "Q"), answers[variant], answers["unfactored"]):
            checks.near(f"single precision, {variant}, {part}", found, expected, 1e-4)
    for case in (Vae, Denoiser, Critic):
        for variant in ("eager", "compile"):
            torch.manual_seed(5)
            measured = case(dict(batch=8, horizon=6, latents=7, **sizes), variant)
            for _ in range(STEPS):
                measured.repeat()
            answers[variant] = torch.cat([value.detach().flatten() for value in measured.net.weights.values()])
        checks.near(
            f"single precision, {case.__name__}, weights after {STEPS} steps",
            answers["compile"],
            answers["eager"],
            1e-3,
        )
