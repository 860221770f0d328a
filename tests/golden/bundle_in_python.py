"""Reads a bundle with numpy and safetensors alone, and recomputes what `diar` computes with it.

Usage: answers weights/maze2d-umaze-v1.safetensors | bundle_in_python.py weights/maze2d-umaze-v1.safetensors

Standard input is the output of the Rust program `tests/examples/answers.rs`: states, latents, and the Q, V and mean
action that the networks of the bundle give for them. Everything here is computed in double precision from the file.
"""

import json
import math
import sys

import numpy as np
from safetensors import safe_open

TOLERANCE = 1e-5
erf = np.vectorize(math.erf)


class Bundle:
    """The tensors and metadata of a file."""

    def __init__(self, path):
        with safe_open(path, framework="numpy") as file:
            header = json.loads(file.metadata()["diar"])
            self.tensors = {name: file.get_tensor(name).astype(np.float64) for name in file.keys()}
        if header["version"] != 1:
            sys.exit(f"bundle format version {header['version']}, expected 1")
        self.info = header["info"]

    def norm(self, name):
        """Mean and deviation of a normaliser."""
        norm = self.info[name]
        return np.array(norm["mean"]), np.array(norm["deviation"])

    def linear(self, name, x):
        return x @ self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]

    def norm_gelu(self, name, x):
        """Linear, layer norm, exact GELU."""
        x = self.linear(f"{name}.linear", x)
        x = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
        x = x * self.tensors[f"{name}.norm.gamma"] + self.tensors[f"{name}.norm.beta"]
        return 0.5 * x * (1.0 + erf(x / math.sqrt(2.0)))

    def tower(self, name, x):
        return self.norm_gelu(f"{name}.1", self.norm_gelu(f"{name}.0", x))

    def two_layers(self, name, x):
        return self.linear(f"{name}.second", np.maximum(self.linear(f"{name}.first", x), 0.0))

    def q(self, state, latent):
        """The smaller of the two Q networks, at a normalised state and a latent as the diffusion model has it."""
        values = []
        for name in ("critic.q0", "critic.q1"):
            parts = [self.tower(f"{name}.state", state), self.tower(f"{name}.latent", latent)]
            joint = self.norm_gelu(f"{name}.joint", np.concatenate(parts))
            values.append(self.linear(f"{name}.output", self.norm_gelu(f"{name}.last", joint))[0])
        return min(values)

    def v(self, state):
        joint = self.norm_gelu("critic.v.joint", self.tower("critic.v.state", state))
        return self.linear("critic.v.output", self.norm_gelu("critic.v.last", joint))[0]

    def action(self, state, latent):
        """The decoder's mean, number by number: each sees those before it. The VAE has its own scale of latents."""
        mean, deviation = self.norm("latent_norm")
        latent = latent * deviation + mean
        action = []
        while f"vae.decoder.policy.numbers.{len(action)}.trunk.first.weight" in self.tensors:
            net = f"vae.decoder.policy.numbers.{len(action)}"
            feature = np.maximum(self.two_layers(f"{net}.trunk", np.concatenate([state, action, latent])), 0.0)
            action.append(self.two_layers(f"{net}.heads.mean", feature)[0])
        return np.array(action)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    bundle = Bundle(sys.argv[1])
    answers = json.load(sys.stdin)["answers"]
    mean, deviation = bundle.norm("state_norm")
    passed = failed = 0
    for number, answer in enumerate(answers):
        state = (np.array(answer["state"]) - mean) / deviation
        latent = np.array(answer["latent"])
        recomputed = {"q": bundle.q(state, latent), "v": bundle.v(state), "action": bundle.action(state, latent)}
        for what, value in recomputed.items():
            value, expected = np.atleast_1d(value), np.atleast_1d(answer[what])
            difference = float(np.max(np.abs(value - expected) / np.maximum(1.0, np.abs(expected))))
            good = value.shape == expected.shape and difference <= TOLERANCE
            passed, failed = passed + good, failed + (not good)
            print(f"{'ok    ' if good else 'FAILED'} {number} {what}: {value} here, {expected} there, off by {difference:.1e}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0 or passed == 0)


if __name__ == "__main__":
    main()
