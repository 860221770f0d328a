"""The Decision Transformer in PyTorch's own modules, as CORL has it: for record_dt.py and for tests/rivals."""

import torch


class Block(torch.nn.Module):
    def __init__(self, width, heads, dropout):
        super().__init__()
        self.attention_norm, self.norm = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
        self.attention = torch.nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.wide, self.narrow = torch.nn.Linear(width, 4 * width), torch.nn.Linear(4 * width, width)
        self.drop = torch.nn.Dropout(dropout)

    def forward(self, x, later, padding):
        seen = self.attention_norm(x)
        attended, _ = self.attention(
            seen, seen, seen, attn_mask=later, key_padding_mask=padding, need_weights=False
        )
        x = x + self.drop(attended)
        return x + self.drop(self.narrow(torch.nn.functional.gelu(self.wide(self.norm(x)))))


class Transformer(torch.nn.Module):
    def __init__(self, state, action, width, blocks, heads, times, dropout=0.0):
        super().__init__()
        self.returns, self.states = torch.nn.Linear(1, width), torch.nn.Linear(state, width)
        self.actions, self.times = torch.nn.Linear(action, width), torch.nn.Embedding(times, width)
        self.entry_norm, self.exit_norm = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
        self.blocks = torch.nn.ModuleList([Block(width, heads, dropout) for _ in range(blocks)])
        self.exit, self.drop = torch.nn.Linear(width, action), torch.nn.Dropout(dropout)

    def forward(self, returns, states, actions, times, there):
        time = self.times(times)
        tokens = [self.returns(returns[..., None]) + time, self.states(states) + time, self.actions(actions) + time]
        x = self.drop(self.entry_norm(torch.stack(tokens, 2).flatten(1, 2)))
        later = torch.triu(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool), 1)
        padding = there.repeat_interleave(3, 1) == 0
        for block in self.blocks:
            x = block(x, later, padding)
        return torch.tanh(self.exit(self.exit_norm(x)[:, 1::3]))

    def loss(self, batch):
        """Mean over the steps that are there, and their numbers."""
        error = ((self(**batch) - batch["actions"]) ** 2).mean(2)
        return (error * batch["there"]).sum() / batch["there"].sum()


def batch(size, context, state, action, times, lengths):
    """Random sequences of these lengths, padded at their ends."""
    return {
        "returns": torch.randn(size, context) * 3,
        "states": torch.randn(size, context, state),
        "actions": torch.rand(size, context, action) * 2 - 1,
        "times": torch.randint(0, times - context, (size, 1)) + torch.arange(context)[None],
        "there": (torch.arange(context)[None] < lengths[:, None]).to(torch.get_default_dtype()),
    }


def optimiser(net, rate, decay, warm_up, fused=False):
    """AdamW on all parameters, and its warm-up."""
    adam = torch.optim.AdamW(net.parameters(), rate, (0.9, 0.999), 1e-8, decay, fused=fused)
    return adam, torch.optim.lr_scheduler.LambdaLR(adam, lambda step: min((step + 1) / warm_up, 1))
