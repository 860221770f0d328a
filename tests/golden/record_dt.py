"""Records what PyTorch computes with a Decision Transformer: `python record_dt.py` writes dt.safetensors.

Weights, a batch of padded sequences, the actions found, and the losses of a few steps of AdamW with decay, a linear warm-up and a
bound on the gradient, without dropout: in double precision, stored in single. Weights of linear layers are [input, output].
"""

import pathlib

import torch
from safetensors.numpy import save_file

from transformer import Transformer, batch, optimiser

torch.manual_seed(13)
torch.set_default_dtype(torch.float64)

BATCH, CONTEXT, STATE, ACTION, WIDTH, BLOCKS, HEADS, TIMES = 5, 4, 4, 2, 8, 2, 2, 12
STEPS, RATE, DECAY, WARM_UP, CLIP = 5, 2e-2, 0.5, 3, 0.25
# Names that differ from those of our networks.
OURS = {
    "attention.in_proj_weight": "project.weight",
    "attention.in_proj_bias": "project.bias",
    "attention.out_proj": "output",
    "norm.weight": "norm.gamma",
    "norm.bias": "norm.beta",
    "times.weight": "times",
}

net = Transformer(STATE, ACTION, WIDTH, BLOCKS, HEADS, TIMES)
record = {}
with torch.no_grad():
    for name, tensor in net.named_parameters():
        is_gain = name.endswith("norm.weight")
        tensor.normal_(float(is_gain), 0.4)
        for theirs, ours in OURS.items():
            name = name.replace(theirs, ours)
        is_linear = tensor.dim() == 2 and name != "times"
        record[f"policy.{name}"] = (tensor.T if is_linear else tensor).contiguous().clone()

sequences = batch(BATCH, CONTEXT, STATE, ACTION, TIMES, torch.tensor([4, 1, 3, 4, 2]))
record.update({f"dt.{name}": tensor for name, tensor in sequences.items()})
record["dt.found"] = net(**sequences).detach()
adam, warm_up = optimiser(net, RATE, DECAY, WARM_UP)
losses, norms = [], []
for _ in range(STEPS):
    loss = net.loss(sequences)
    losses.append(loss.detach())
    adam.zero_grad()
    loss.backward()
    norms.append(torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP))
    adam.step()
    warm_up.step()
record["dt.losses"] = torch.stack(losses)
record["dt.found_after"] = net(**sequences).detach()

path = pathlib.Path(__file__).with_name("dt.safetensors")
save_file({name: tensor.float().numpy() for name, tensor in record.items()}, path)
print(path, path.stat().st_size, record["dt.losses"], norms)
