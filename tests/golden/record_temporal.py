"""Records what PyTorch computes with small temporal U-Nets: `python record_temporal.py` writes temporal.safetensors.

One network without a condition and one with: weights, inputs, output, the gradient of the input, the norm of each
parameter's gradient, and the losses of a few steps of Adam, in double precision, stored in single. Layers are PyTorch's
own, channels first; weights are stored as ours are, linear layers [input, output] and convolutions [taps, input, output].
"""

import pathlib

import torch
from safetensors.numpy import save_file
from torch import nn

from unet import UNet

torch.manual_seed(13)
torch.set_default_dtype(torch.float64)

BATCH, HORIZON, CHANNELS, DIM = 3, 6, 3, 8
STEPS, RATE = 4, 1e-3


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
    net = UNet(CHANNELS, DIM, multipliers, condition)
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
