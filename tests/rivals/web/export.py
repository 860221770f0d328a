"""One decision of a bundle as an ONNX graph: `export.py weights/maze2d-umaze-v1.safetensors out/`.

The graph has the shape that suits ONNX Runtime best: all updates unrolled, what depends on the diffusion step folded
into weights, what depends on the state computed once, and nothing given back but what acting needs. Everything is
checked against the plain networks before it is written.
"""

import argparse
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent / "golden")]

import numpy as np
import onnx
import onnx.reference
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors import safe_open

from cases import Critic
from fast import Factored
from networks import Networks, Sizes
from sampler import updates

OPSET = 20  # The first that has Gelu.


class Bundle:
    """Weights and metadata, and the networks over them."""

    def __init__(self, path):
        with safe_open(path, framework="pt") as file:
            self.info = json.loads(file.metadata()["diar"])["info"]
            self.weights = {name: file.get_tensor(name).double() for name in file.keys()}
        settings = self.info["settings"]
        vae, diffusion, critic = settings["vae"], settings["diffusion"], settings["critic"]
        self.diffusion_steps = diffusion["diffusion_steps"]
        self.sizes = Sizes(
            state=len(self.info["state_norm"]["mean"]),
            latent=vae["latent"],
            hidden=vae["hidden"],
            widths=tuple(diffusion["widths"]),
            embedding=diffusion["embedding"],
            **{name: critic[name] for name in ("state_hidden", "latent_hidden", "last_hidden")},
            floor=vae["sigma_floor"],
        )

    def networks(self, kind):
        networks = kind(self.sizes, None)
        networks.weights = self.weights
        return networks


class Graph:
    """Nodes and constants under construction. Every method gives the name of its result."""

    def __init__(self, weights):
        self.weights, self.nodes, self.constants = weights, [], {}

    def add(self, kind, *inputs, name=None, **attributes):
        name = name or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, name, value):
        """A constant; the same name means the same value."""
        value = torch.as_tensor(value).numpy()
        value = value if value.dtype == np.int64 else value.astype(np.float32)
        self.constants.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weight(self, name):
        return self.constant(name, self.weights[name])

    def linear(self, name, x, **attributes):
        return self.add("Gemm", x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias"), **attributes)

    def norm(self, name, x):
        return self.add(
            "LayerNormalization", x, self.weight(f"{name}.gamma"), self.weight(f"{name}.beta"), epsilon=1e-5
        )

    def gelu(self, x):
        return self.add("Gelu", x)

    def norm_gelu(self, name, x):
        return self.gelu(self.norm(f"{name}.norm", self.linear(f"{name}.linear", x)))

    def tower(self, name, x):
        return self.norm_gelu(f"{name}.1", self.norm_gelu(f"{name}.0", x))

    def split(self, name, at):
        """A linear layer over two inputs side by side, in parts: weight and bias of the first, weight of the second."""
        weight = self.weights[f"{name}.weight"]
        return (
            self.constant(f"{name}.weight[:{at}]", weight[:at]),
            self.weight(f"{name}.bias"),
            self.constant(f"{name}.weight[{at}:]", weight[at:]),
        )


def build(bundle, candidates, sampler):
    """A graph from `state` and `noise_0`, `noise_1`, ... (all but the first times the update's factor)."""
    graph, sizes = Graph(bundle.weights), bundle.sizes
    tables = bundle.networks(Factored).tables([update.t for update in sampler])
    levels = len(sizes.widths)

    embedded = graph.tower("denoiser.state", "state")
    shares = []
    for i, width in enumerate(bundle.networks(Factored).levels()):
        name = f"denoiser.blocks.{i}"
        seen = graph.norm(f"{name}.norm", graph.linear(f"{name}.state", embedded))
        _, bias, tail = graph.split(f"{name}.first", width)
        shares.append(graph.add("Gemm", seen, tail, bias))

    def denoise(y, step, clean):
        def block(i, x):
            name, (gain, shift) = f"denoiser.blocks.{i}", tables[step][i]
            head, _, _ = graph.split(f"{name}.first", len(gain))
            h = graph.add("Gemm", x, head, shares[i])
            gain, shift = graph.constant(f"{name}.gain.{step}", gain), graph.constant(f"{name}.shift.{step}", shift)
            h = graph.gelu(graph.add("LayerNormalization", h, gain, shift, epsilon=1e-5))
            return graph.add("Add", graph.gelu(graph.norm(f"{name}.norm", graph.linear(f"{name}.second", h))), x)

        start = graph.linear("denoiser.input", y)
        x, skips = block(0, start), []
        for level in range(1, levels):
            skips.append(x)
            x = graph.linear(f"denoiser.down.{level - 1}", x)
            x = block(level, graph.gelu(graph.norm(f"denoiser.norms.{level}", x)))
        for i, level in enumerate(reversed(range(levels - 1))):
            x = graph.gelu(graph.norm(f"denoiser.norms.{level}", graph.linear(f"denoiser.up.{i}", x)))
            x = block(levels + i, graph.add("Add", x, skips[level]))
        return graph.linear(
            "denoiser.output", block(2 * levels - 1, graph.add("Add", x, start)), alpha=clean, beta=clean
        )

    y, drawn = "noise_0", 1
    for step, (_, keep, clean, noise) in enumerate(sampler):
        guess = denoise(y, step, clean)
        y = graph.add("Add", graph.add("Mul", y, graph.constant(f"keep.{step}", keep)), guess) if keep else guess
        if noise:
            y, drawn = graph.add("Add", y, f"noise_{drawn}"), drawn + 1
    latents = graph.add("Identity", y, name="latents")

    def q_value(name):
        head, bias, tail = graph.split(f"{name}.joint.linear", sizes.state_hidden)
        share = graph.add("Gemm", graph.tower(f"{name}.state", "state"), head, bias)
        joint = graph.add("Gemm", graph.tower(f"{name}.latent", latents), tail, share)
        joint = graph.gelu(graph.norm(f"{name}.joint.norm", joint))
        return graph.linear(f"{name}.output", graph.norm_gelu(f"{name}.last", joint))

    q = graph.add("Min", *[q_value(name) for name in Critic.NAMES], name="q")
    chosen = graph.add("ArgMax", q, axis=0, keepdims=0)
    latent = graph.add("Gather", latents, chosen, name="latent")

    # Where it ends: the decoder has latents in its own scale, which goes into its first layer.
    first = "vae.decoder.state.trunk.first"
    head, bias, tail = (graph.weights[f"{first}.{part}"] for part in ("weight", "bias", "weight"))
    head, tail = head[: sizes.state], tail[sizes.state :]
    mean, deviation = (
        torch.tensor(bundle.info["latent_norm"][part], dtype=torch.float64) for part in ("mean", "deviation")
    )
    share = graph.add(
        "Gemm", "state", graph.constant(f"{first}.state", head), graph.constant(f"{first}.moved", bias + mean @ tail)
    )
    x = graph.add("Gemm", latent, graph.constant(f"{first}.scaled", deviation[:, None] * tail), share)
    x = graph.add("Relu", graph.linear("vae.decoder.state.trunk.second", graph.add("Relu", x)))
    x = graph.add("Relu", graph.linear("vae.decoder.state.heads.mean.first", x))
    end = graph.linear("vae.decoder.state.heads.mean.second", x)
    x = graph.norm_gelu("critic.v.last", graph.norm_gelu("critic.v.joint", graph.tower("critic.v.state", end)))
    graph.add("Gemm", x, graph.weight("critic.v.output.weight"), graph.weight("critic.v.output.bias"), name="v_end")

    value = lambda name, *shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    inputs = [value("state", 1, sizes.state), *[value(f"noise_{i}", candidates, sizes.latent) for i in range(drawn)]]
    outputs = [
        value("latents", candidates, sizes.latent),
        value("q", candidates, 1),
        value("latent", 1, sizes.latent),
        value("v_end", 1, 1),
    ]
    body = helper.make_graph(graph.nodes, "decision", inputs, outputs, list(graph.constants.values()))
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model


def plain(bundle, sampler, state, noise):
    """The same decision by the plain networks, in double precision."""
    networks, draws = bundle.networks(Networks), iter(noise)
    y = next(draws)
    for t, keep, clean, fresh in sampler:
        guess = networks.denoise(y[None], state, torch.full((1,), float(t)))[0]
        y = keep * y + clean * guess + (next(draws) if fresh else 0)
    q = torch.minimum(*[networks.q_value(name, state, y[None])[0] for name in Critic.NAMES])
    latent = y[q.argmax()][None]
    mean, deviation = (torch.tensor(bundle.info["latent_norm"][part]) for part in ("mean", "deviation"))
    v_end = networks.v_value(networks.end(state, latent * deviation + mean)[0])
    return {"latents": y, "q": q[:, None], "latent": latent, "v_end": v_end[:, None]}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("bundle")
    arguments.add_argument("out", type=pathlib.Path)
    arguments.add_argument("--candidates", type=int, default=64)
    arguments.add_argument("--kind", choices=["sde", "ddim"], default="sde")
    arguments.add_argument("--steps", type=int, default=5)
    arguments = arguments.parse_args()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)

    bundle = Bundle(arguments.bundle)
    sampler = updates(arguments.kind, arguments.steps, 0, bundle.diffusion_steps)
    model = build(bundle, arguments.candidates, sampler)

    factors = [1.0, *[update.noise for update in sampler if update.noise]]
    state = torch.randn(1, bundle.sizes.state)
    noise = [factor * torch.randn(arguments.candidates, bundle.sizes.latent) for factor in factors]
    feeds = {"state": state, **{f"noise_{i}": value for i, value in enumerate(noise)}}
    feeds = {name: value.float().numpy() for name, value in feeds.items()}
    expected = {name: value.numpy() for name, value in plain(bundle, sampler, state, noise).items()}
    evaluated = dict(zip(expected, onnx.reference.ReferenceEvaluator(model).run(list(expected), feeds)))
    for name, value in expected.items():
        off = float(np.max(np.abs(evaluated[name] - value) / np.maximum(1, np.abs(value))))
        print(f"{name}: off by {off:.1e}")
        if evaluated[name].shape != value.shape or not off < 1e-4:
            sys.exit(f"the graph is not the plain networks: {name} differs")

    arguments.out.mkdir(parents=True, exist_ok=True)
    onnx.save(model, arguments.out / "decision.onnx")
    listed = lambda arrays: {name: value.ravel().tolist() for name, value in arrays.items()}
    shapes = {name: value.shape for name, value in feeds.items()}
    example = {
        "candidates": arguments.candidates,
        "kind": arguments.kind,
        "steps": arguments.steps,
        "factors": factors,
        "shapes": shapes,
        "feeds": listed(feeds),
        "expected": listed(expected),
    }
    (arguments.out / "decision.json").write_text(json.dumps(example))
    print(
        f"{len(model.graph.node)} operators, {arguments.candidates} candidates, {len(sampler)} steps: {arguments.out}"
    )


if __name__ == "__main__":
    main()
