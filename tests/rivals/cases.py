"""The measured steps: each case is prepared from a request, and then repeats one step."""

import torch
import torch._dynamo

from fast import Factored, Fast
from networks import Sizes, alpha_bar, expectile_loss, min_snr_loss
from sampler import updates
from transformer import Transformer, batch, optimiser
from unet import UNet

DIFFUSION_STEPS = 500
# One process serves all cases and sizes: each is compiled for its own shapes, however many there are.
torch._dynamo.config.recompile_limit = torch._dynamo.config.accumulated_recompile_limit = 1024


class Refused(Exception):
    """A request that cannot be served, in words."""


def drawn(trained):
    """Weights as PyTorch's own layers draw them, about; norms near 1."""

    def draw(shape, scale, shift):
        return (shift + (2 * torch.rand(*shape) - 1) * shape[0] ** -0.5).requires_grad_(trained)

    return draw


def sizes_of(request):
    names = Sizes.__dataclass_fields__.keys() & request.keys()
    if missing := {"state", "latent"} - names:
        raise Refused(f"the request lacks {' and '.join(sorted(missing))}")
    return Sizes(**{name: tuple(value) if isinstance(value := request[name], list) else value for name in names})


def maybe_compiled(function, variant):
    return function if variant == "eager" else torch.compile(function, dynamic=False)


class Optimiser:
    """Adam in one fused kernel, with a bound on the gradient's norm network by network."""

    def __init__(self, groups, rate, clip):
        self.groups, self.clip = groups, clip
        self.adam = torch.optim.Adam([value for group in groups for value in group], lr=rate, eps=1e-8, fused=True)

    def step(self, loss):
        loss.backward()
        if self.clip is not None:
            for group in self.groups:
                torch.nn.utils.clip_grad_norm_(group, self.clip)
        self.adam.step()
        self.adam.zero_grad()


class Vae:
    """A step of stage 1 (Alg. 3)."""

    def __init__(self, request, variant, net=None):
        self.net = net or Fast(sizes_of(request), drawn(True))
        self.beta = request.get("beta", 0.1)
        self.shape = request["batch"], request["horizon"]
        batch, horizon = self.shape
        self.states = torch.randn(batch, horizon, self.net.sizes.state)
        self.actions = torch.rand(batch, horizon, self.net.sizes.action) * 2 - 1
        self.net.vae_loss(self.states, self.actions, self.noise(), self.beta)
        self.loss = maybe_compiled(self.net.vae_loss, variant)
        self.optimiser = Optimiser([self.net.parameters("vae")], request.get("rate", 5e-5), request.get("clip"))

    def noise(self):
        return torch.randn(self.shape[0], self.net.sizes.latent)

    def step(self, states, actions, noise):
        losses = self.loss(states, actions, noise, self.beta)
        self.optimiser.step(losses[3])
        return losses.detach()

    def repeat(self):
        self.step(self.states, self.actions, self.noise())


class Denoiser:
    """A step of stage 2 (Alg. 4)."""

    def __init__(self, request, variant, net=None):
        self.net = net or Fast(sizes_of(request), drawn(True), DIFFUSION_STEPS)
        self.signal = alpha_bar(DIFFUSION_STEPS, torch.get_default_dtype())
        self.batch, (state, latent) = request["batch"], (self.net.sizes.state, self.net.sizes.latent)
        self.latents, self.states = torch.randn(self.batch, latent), torch.randn(self.batch, state)
        min_snr_loss(self.net, self.latents, self.states, *self.noise(), self.signal)
        self.loss = maybe_compiled(min_snr_loss, variant)
        self.optimiser = Optimiser([self.net.parameters("denoiser")], request.get("rate", 1e-4), request.get("clip"))

    def noise(self):
        return torch.randint(1, DIFFUSION_STEPS + 1, (self.batch,)), torch.randn(self.batch, self.net.sizes.latent)

    def step(self, latents, states, t, noise):
        loss = self.loss(self.net, latents, states, t, noise, self.signal)
        self.optimiser.step(loss)
        return loss.detach()

    def repeat(self):
        self.step(self.latents, self.states, *self.noise())


class Critic:
    """A step of stage 3 (Alg. 1 lines 5-10) with kept latents; both Q networks share a backward pass."""

    NAMES = "critic.q0", "critic.q1"

    def __init__(self, request, variant, net=None):
        self.net = net or Fast(sizes_of(request), drawn(True))
        self.target = Fast(self.net.sizes, None)
        self.expectile, self.target_rate = request.get("expectile", 0.9), request.get("target_rate", 0.005)
        batch, count = request["batch"], request["latents"]
        state, latent = self.net.sizes.state, self.net.sizes.latent
        self.data = (
            torch.randn(batch, state),
            torch.randn(batch, state),
            torch.randn(batch, latent),
            torch.randn(batch, count, latent),
            torch.rand(batch),
            torch.full((batch,), 0.86),
            torch.rand(batch),
        )

        starts, _, latents, *_ = self.data
        [self.net.q_value(name, starts, latents[:, None]) for name in self.NAMES], self.net.v_value(starts)
        online = [self.net.parameters(name) for name in self.NAMES]
        self.target.weights = {name: value.detach().clone() for name, value in self.net.weights.items()}
        self.online = [value for group in online for value in group]
        self.slow = [value for name in self.NAMES for value in self.target.parameters(name)]
        self.best, self.v_loss, self.q_losses = (
            maybe_compiled(function, variant) for function in (self.best, self.v_loss, self.q_losses)
        )
        rate, clip = request.get("rate", 5e-4), request.get("clip", 1.0)
        self.v_optimiser = Optimiser([self.net.parameters("critic.v")], rate, clip)
        self.q_optimiser = Optimiser(online, rate, clip)

    def best(self, ends, candidates):
        return torch.minimum(*[self.target.q_value(name, ends, candidates) for name in self.NAMES])

    def v_loss(self, ends, best):
        return expectile_loss(best, self.net.v_value(ends), self.expectile)

    def q_losses(self, starts, latents, targets, importance):
        errors = [targets - self.net.q_value(name, starts, latents[:, None])[:, 0] for name in self.NAMES]
        return torch.stack([(importance * error**2).mean() for error in errors]), torch.stack(errors)

    def step(self, starts, ends, latents, candidates, rewards, factors, importance):
        with torch.no_grad():
            best = self.best(ends, candidates)
        v_loss = self.v_loss(ends, best)
        self.v_optimiser.step(v_loss)
        with torch.no_grad():
            targets = rewards + factors * self.net.v_value(ends)
        q_losses, errors = self.q_losses(starts, latents, targets, importance)
        self.q_optimiser.step(q_losses.sum())
        with torch.no_grad():
            torch._foreach_lerp_(self.slow, self.online, self.target_rate)
        return torch.cat([v_loss.detach()[None], q_losses.detach()]), errors.detach()

    def repeat(self):
        self.step(*self.data)


class Decision:
    """A decision (Alg. 2): sample candidates, rank them, predict where the best one ends, and value that."""

    def __init__(self, request, variant, net=None):
        self.net = net or Factored(sizes_of(request), drawn(False), DIFFUSION_STEPS)
        self.count, (state, latent) = request["candidates"], (self.net.sizes.state, self.net.sizes.latent)
        steps = request["steps"] if request["kind"] == "ddpm" else DIFFUSION_STEPS
        self.updates = updates(request["kind"], request["steps"], request["extra"], steps)
        self.state, self.still = torch.randn(1, state), torch.zeros(self.count, latent)
        with torch.inference_mode():
            noise = self.noise()
            self.net.denoise(noise[:1, None], self.state, torch.ones(1))
            [self.net.q_value(name, self.state, noise[None, :1]) for name in Critic.NAMES]
            self.net.v_value(self.net.end(self.state, noise[:1])[0])
            if variant != "unfactored":
                self.tables = self.net.tables([update.t for update in self.updates])
        self.coefficients = torch.tensor([update[1:] for update in self.updates])
        self.variant = "compile" if variant == "factored compile" else "eager"
        self.condition, self.update, self.rank, self.ahead = (
            maybe_compiled(function, self.variant)
            for function in (self.net.condition, self.update, self.rank, self.ahead)
        )
        self.sample = self.unfactored if variant == "unfactored" else self.factored

    def noise(self):
        return torch.randn(self.count, self.net.sizes.latent)

    def unfactored(self, state, draw):
        """As the paper's ancestor: the whole network for every candidate at every step."""
        states, y = state.repeat(self.count, 1), draw()
        for t, keep, clean, noise in self.updates:
            guess = self.net.denoise(y[:, None], states, torch.full((self.count,), float(t)))[:, 0]
            y = keep * y + clean * guess
            if noise > 0:
                y = y + noise * draw()
        return y

    def update(self, y, shares, table, keep, clean, noise, fresh):
        guess = self.net.denoise_factored(y, shares, table)
        return torch.addcmul(torch.addcmul(y * keep, guess, clean), fresh, noise)

    def factored(self, state, draw):
        shares, y = self.condition(state), draw()
        for table, coefficients, update in zip(self.tables, self.coefficients, self.updates):
            fresh = draw() if update.noise > 0 else self.still
            y = self.update(y, shares, table, *coefficients.unbind(), fresh)
        return y

    def rank(self, state, latents):
        return torch.minimum(*[self.net.q_value(name, state, latents[None])[0] for name in Critic.NAMES])

    def ahead(self, state, latent):
        end = self.net.end(state, latent)[0]
        return end, self.net.v_value(end)

    @torch.inference_mode()
    def decide(self, state, draw):
        latents = self.sample(state, draw)
        q = self.rank(state, latents)
        chosen = q.argmax()
        end, v_end = self.ahead(state, latents[chosen][None])
        return latents, q, end, v_end.item()

    def repeat(self):
        self.decide(self.state, self.noise)


class UNetStep:
    """A step of Diffuser's U-Net, or of Decision Diffuser's with a condition: forward, backward, Adam."""

    def __init__(self, request, variant):
        channels, batch = request["channels"], request["batch"]
        self.net = UNet(channels, request["dim"], request["multipliers"], request["condition"])
        self.x, self.wanted = (torch.randn(batch, request["horizon"], channels) for _ in range(2))
        self.steps = torch.arange(batch).float()
        self.condition = torch.randn(batch, request["condition"]) if request["condition"] else None
        self.optimiser = Optimiser([list(self.net.parameters())], 1e-5, None)

    def repeat(self):
        predicted = self.net(self.x, self.steps, self.condition)
        self.optimiser.step((predicted - self.wanted).square().mean())


class Dt:
    """A step of the Decision Transformer, with dropout; sequences without padding."""

    def __init__(self, request, variant):
        names = "state", "action", "hidden", "blocks", "heads", "times"
        self.net = Transformer(*(request[name] for name in names), request["dropout"])
        self.net.train()
        lengths = torch.full((request["batch"],), request["context"])
        sizes = (request[name] for name in ("batch", "context", "state", "action", "times"))
        self.batch = batch(*sizes, lengths)
        self.clip = request["clip"]
        self.adam, self.warm_up = optimiser(self.net, 4e-4, request["decay"], 1000, fused=True)

    def repeat(self):
        self.net.loss(self.batch).backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.clip)
        self.adam.step()
        self.warm_up.step()
        self.adam.zero_grad()


CASES = {
    "vae_step": Vae,
    "denoiser_step": Denoiser,
    "critic_step": Critic,
    "dt_step": Dt,
    "decision": Decision,
    "unet_step": UNetStep,
}
VARIANTS = {
    "vae_step": ["eager", "compile"],
    "denoiser_step": ["eager", "compile"],
    "critic_step": ["eager", "compile"],
    "unet_step": ["eager"],
    "dt_step": ["eager"],
    "decision": ["unfactored", "factored", "factored compile"],
}
