"""Trains the walker that collects AntMaze data: which torques make D4RL's ant go a given way.

    pip install jax==0.10.2 mujoco==3.17.0 numpy==2.4.6 safetensors==0.8.0
    python tests/golden/train_walker.py FOLDER

Soft actor-critic on a plane. The reward is the way made in the given direction; an episode ends when the ant falls.
What the walker sees is in the body's frame, and the ant looks the same after quarter turns and in a mirror, so each
step that is learnt from stands for eight.

FOLDER keeps checkpoints, from which an interrupted run goes on, and the walker of every evaluation. Five minutes on one
core. The walker of the program is the last one, `native/weights/ant-walker.safetensors`.
"""

import json
import os
import pathlib
import pickle
import sys
import time

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import ant
import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from safetensors.numpy import save_file

# Longer training makes a faster walker that falls more often in mazes, with or without mazes among its training.
STEPS = 40_000
# Steps of random actions before learning begins.
RANDOM = 5_000
# Steps between learning, updates then, and rows of an update.
ROUND, UPDATES, BATCH = 64, 32, 256
EPISODE, TURN = 1_000, 100
DISCOUNT, BLEND, RATE, ENTROPY = 0.99, 0.005, 3e-4, -4.0
# The reward of a metre.
REWARD = 10.0
HIDDEN, SENSES, ACTIONS = 256, 29, 8
# D4RL's contact margin of 0.01 m in the rule of MuJoCo 3.14 and later.
MARGIN = 0.005
NOISE = 0.2
EVALUATE, CHECKPOINT = 10_000, 10_000


# The ant's symmetries: quarter turns about the body's z axis, and the mirror that exchanges left and right.
def symmetries():
    """Matrices [8, 29, 29] on senses and [8, 8, 8] on actions, each a permutation with signs."""
    bends = np.array([1, -1, -1, 1])
    motor = [ant.MOTORS.index(f"{joint}_{leg}") for leg in (1, 2, 3, 4) for joint in ("hip", "ankle")]
    seen, done = np.zeros((8, SENSES, SENSES)), np.zeros((8, ACTIONS, ACTIONS))
    for number in range(8):
        mirror, quarters = divmod(number, 4)
        turn = np.linalg.matrix_power(np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]]), quarters)
        vector = turn @ np.diag([1, -1 if mirror else 1, 1])
        axial = vector * round(np.linalg.det(vector))
        joints = np.zeros((8, 8))
        for leg in range(4):
            image = ((3 - leg if mirror else leg) + quarters) % 4
            joints[2 * image, 2 * leg] = -1 if mirror else 1
            joints[2 * image + 1, 2 * leg + 1] = bends[leg] * bends[image]
        seen[number, 0, 0] = 1
        for at, block in (1, vector), (4, joints), (12, vector), (15, axial), (18, joints), (26, vector):
            seen[number, at : at + len(block), at : at + len(block)] = block
        for a in range(8):
            for b in range(8):
                done[number, motor[a], motor[b]] = joints[a, b]
    return seen, done


class World:
    """One ant on the plane or in a maze, led by a direction."""

    def __init__(self, rng):
        self.rng = rng
        mazes = {"plane": []} | ant.MAZES
        self.models = {
            name: mujoco.MjModel.from_xml_string(ant.model(maze, MARGIN)) for name, maze in mazes.items()
        }
        self.data = {name: mujoco.MjData(model) for name, model in self.models.items()}

    def reset(self, name, place=(0, 0)):
        self.name, self.steps, self.fell = name, 0, False
        model, data = self.models[name], self.data[name]
        mujoco.mj_resetData(model, data)
        data.qpos[:] = model.qpos0 + self.rng.uniform(-0.1, 0.1, model.nq)
        data.qpos[:2] = place
        data.qvel[:] = 0.1 * self.rng.standard_normal(model.nv)
        mujoco.mj_forward(model, data)
        self.lead = None

    def reset_in(self, name):
        """A walk from a random cell to another."""
        maze = ant.MAZES[name]
        start, goal = (
            ant.place(ant.free_cells(maze)[self.rng.integers(len(ant.free_cells(maze)))])
            + self.rng.uniform(0, 1, 2)
            for _ in range(2)
        )
        self.reset(name, start)
        self.lead = ant.Navigator(maze, goal, 1.0, self.rng)

    def position(self):
        return self.data[self.name].qpos[:2].copy()

    def senses(self):
        if self.lead is not None:
            self.direction = self.lead.direction(self.position())
        elif self.steps % TURN == 0:
            angle = self.rng.uniform(-np.pi, np.pi)
            self.direction = np.array([np.cos(angle), np.sin(angle)])
        data = self.data[self.name]
        return ant.senses(data.qpos, data.qvel, self.direction)

    def step(self, action):
        """The way made in the direction of the last senses, and what it sees then, still with that direction."""
        before, data = self.position(), self.data[self.name]
        data.ctrl[:] = ant.TORQUE * action
        mujoco.mj_step(self.models[self.name], data, ant.SUBSTEPS)
        self.steps += 1
        up = 1 - 2 * (data.qpos[4] ** 2 + data.qpos[5] ** 2)
        self.fell = not 0.2 <= data.qpos[2] <= 1.0 or up < 0
        return self.direction @ (self.position() - before), ant.senses(data.qpos, data.qvel, self.direction)


def dense(key, inputs, outputs, scale=1.0):
    bound = scale / np.sqrt(inputs)
    return {
        "w": jax.random.uniform(key, (inputs, outputs), minval=-bound, maxval=bound),
        "b": jnp.zeros(outputs),
    }


def network(key, inputs, outputs):
    keys = jax.random.split(key, 3)
    return [
        dense(keys[0], inputs, HIDDEN),
        dense(keys[1], HIDDEN, HIDDEN),
        dense(keys[2], HIDDEN, outputs, 0.1),
    ]


def normed(x):
    return (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)


def forward(layers, x, norm=lambda x: x):
    for layer in layers[:-1]:
        x = jax.nn.relu(norm(x @ layer["w"] + layer["b"]))
    return x @ layers[-1]["w"] + layers[-1]["b"]


def sample(actor, key, senses):
    """An action and its log density."""
    mean, log_deviation = jnp.split(forward(actor, senses), 2, -1)
    log_deviation = jnp.clip(log_deviation, -5.0, 2.0)
    noise = jax.random.normal(key, mean.shape)
    raw = mean + jnp.exp(log_deviation) * noise
    density = -0.5 * noise**2 - log_deviation - 0.5 * jnp.log(2 * jnp.pi)
    density -= 2 * (jnp.log(2.0) - raw - jax.nn.softplus(-2 * raw))
    return jnp.tanh(raw), density.sum(-1)


def values(critics, senses, action):
    x = jnp.concatenate([senses, action], -1)
    return [forward(critic, x, normed)[..., 0] for critic in critics]


def adam(state, gradient, parameters):
    count, first, second = state
    count += 1
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
    scale = RATE * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
    parameters = jax.tree.map(
        lambda p, m, v: p - scale * m / (jnp.sqrt(v) + 1e-8), parameters, first, second
    )
    return (count, first, second), parameters


def fresh(parameters):
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    return (jnp.zeros(()), zeros, zeros)


def begin(key):
    keys = jax.random.split(key, 4)
    actor = network(keys[0], SENSES, 2 * ACTIONS)
    critics = [network(k, SENSES + ACTIONS, 1) for k in keys[1:3]]
    log_alpha = jnp.zeros(())
    return {
        "actor": actor,
        "critics": critics,
        "targets": critics,
        "alpha": log_alpha,
        "of_actor": fresh(actor),
        "of_critics": fresh(critics),
        "of_alpha": fresh(log_alpha),
        "key": keys[3],
    }


SEEN, DONE = (jnp.asarray(matrices, jnp.float32) for matrices in symmetries())


def update(state, batch):
    key, first, second, third = jax.random.split(state["key"], 4)
    senses, action, reward, following, over = batch
    which = jax.random.randint(third, (BATCH,), 0, 8)
    senses = jnp.einsum("bij,bj->bi", SEEN[which], senses)
    following = jnp.einsum("bij,bj->bi", SEEN[which], following)
    action = jnp.einsum("bij,bj->bi", DONE[which], action)
    alpha = jnp.exp(state["alpha"])

    planned, density = sample(state["actor"], first, following)
    worth = jnp.minimum(*values(state["targets"], following, planned)) - alpha * density
    target = reward + DISCOUNT * (1 - over) * worth

    def critics_loss(critics):
        return sum(((q - target) ** 2).mean() for q in values(critics, senses, action))

    of_critics, critics = adam(
        state["of_critics"], jax.grad(critics_loss)(state["critics"]), state["critics"]
    )

    def actor_loss(actor):
        planned, density = sample(actor, second, senses)
        return (alpha * density - jnp.minimum(*values(critics, senses, planned))).mean(), density.mean()

    (_, density), gradient = jax.value_and_grad(actor_loss, has_aux=True)(state["actor"])
    of_actor, actor = adam(state["of_actor"], gradient, state["actor"])
    of_alpha, log_alpha = adam(state["of_alpha"], -(density + ENTROPY) * alpha, state["alpha"])
    targets = jax.tree.map(lambda t, c: t + BLEND * (c - t), state["targets"], critics)
    return {
        "actor": actor,
        "critics": critics,
        "targets": targets,
        "alpha": log_alpha,
        "of_actor": of_actor,
        "of_critics": of_critics,
        "of_alpha": of_alpha,
        "key": key,
    }, (worth.mean(), density)


learn = jax.jit(lambda state, batches: jax.lax.scan(update, state, batches))


class Walker:
    """The actor in numpy."""

    def __init__(self, actor):
        self.layers = [(np.asarray(layer["w"]), np.asarray(layer["b"])) for layer in actor]

    def outputs(self, senses):
        x = senses
        for w, b in self.layers[:-1]:
            x = np.maximum(x @ w + b, 0)
        w, b = self.layers[-1]
        return np.split(x @ w + b, 2)

    def __call__(self, senses, noise, rng):
        action = np.tanh(self.outputs(senses)[0])
        return np.clip(action + noise * rng.standard_normal(ACTIONS), -1, 1)

    def explore(self, senses, rng):
        mean, log_deviation = self.outputs(senses)
        return np.tanh(mean + np.exp(np.clip(log_deviation, -5, 2)) * rng.standard_normal(ACTIONS))


def evaluate(walker, episodes):
    """Speeds on the plane (m/s), and for each maze: goals reached from the start, mean steps, ants on their back."""
    rng = np.random.default_rng(1)
    world, speeds, found = World(rng), [], {}
    for angle in np.arange(8) * np.pi / 4:
        world.reset("plane")
        world.direction = np.array([np.cos(angle), np.sin(angle)])
        way = 0.0
        for _ in range(200):
            data = world.data["plane"]
            way += world.step(walker(ant.senses(data.qpos, data.qvel, world.direction), 0.0, rng))[0]
        speeds.append(way / 20)
    for name, maze in ant.MAZES.items():
        goal = ant.place([(i, row.index("g")) for i, row in enumerate(maze) if "g" in row][0])
        taken, backs = [], 0
        for _ in range(episodes):
            world.reset(name)
            target = goal + rng.uniform(0, 1, 2) + rng.uniform(0, 0.5, 2)
            world.lead = ant.Navigator(maze, target, 1.0, rng)
            limit = 700 if name == "umaze" else 1000
            while world.steps < limit and np.linalg.norm(world.position() - target) > 0.5:
                world.step(walker(world.senses(), NOISE, rng))
            if np.linalg.norm(world.position() - target) <= 0.5:
                taken.append(world.steps)
            data = world.data[name]
            backs += 1 - 2 * (data.qpos[4] ** 2 + data.qpos[5] ** 2) < 0
        found[name] = [len(taken), episodes, float(np.mean(taken)) if taken else None, int(backs)]
    reached, backs = 0, 0
    for _ in range(episodes):
        world.reset_in("medium")
        near = False
        for _ in range(EPISODE):
            world.step(walker(world.senses(), NOISE, rng))
            near |= bool(np.linalg.norm(world.position() - world.lead.target) <= 0.5)
        reached, backs = reached + near, backs + world.fell
    found["walks"] = [reached, episodes, int(backs)]
    return {"speed": float(np.mean(speeds)), "slowest": float(np.min(speeds)), "mazes": found}


def export(actor, path):
    """The network whose tanh is the mean action. A weight is `[input, output]`."""
    tensors = {}
    for number, (w, b) in enumerate(Walker(actor).layers):
        outputs = ACTIONS if number == 2 else HIDDEN
        tensors[f"{number}.weight"] = np.ascontiguousarray(w[:, :outputs])
        tensors[f"{number}.bias"] = np.ascontiguousarray(b[:outputs])
    save_file(tensors, path)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    state, step = begin(jax.random.key(0)), 0
    columns = [np.zeros((STEPS, n), np.float32) for n in (SENSES, ACTIONS, 1, SENSES, 1)]
    kept = folder / "checkpoint.pickle"
    if kept.exists():
        saved = pickle.loads(kept.read_bytes())
        step = saved["step"]
        state = jax.tree.map(jnp.asarray, saved["state"])
        state["key"] = jax.random.wrap_key_data(saved["key"])
        rng.bit_generator.state = saved["rng"]
        for column, part in zip(columns, saved["columns"]):
            column[:step] = part

    world, walker = World(rng), Walker(state["actor"])
    world.reset("plane")
    falls, began = 0, time.process_time()
    while step < STEPS:
        for _ in range(ROUND):
            senses = world.senses()
            action = rng.uniform(-1, 1, ACTIONS) if step < RANDOM else walker.explore(senses, rng)
            way, following = world.step(action)
            for column, value in zip(columns, (senses, action, REWARD * way, following, world.fell)):
                column[step] = value
            step += 1
            falls += int(world.fell)
            if world.fell or world.steps >= EPISODE:
                world.reset("plane")
            if step == STEPS:
                break
        if step >= RANDOM:
            rows = rng.integers(step, size=(UPDATES, BATCH))
            batch = [column[rows] for column in columns]
            batch[2], batch[4] = batch[2][..., 0], batch[4][..., 0]
            state, (worth, density) = learn(state, batch)
            walker = Walker(state["actor"])
        crossed = lambda every: step // every > (step - ROUND) // every or step == STEPS
        if crossed(EVALUATE):
            told = {
                "step": step,
                "cpu": round(time.process_time() - began),
                "falls": falls,
                "worth": float(worth[-1]),
                "density": float(density[-1]),
            }
            told |= evaluate(walker, 20)
            falls = 0
            with open(folder / "log.jsonl", "a") as log:
                print(json.dumps(told), file=log)
            print(json.dumps(told), flush=True)
            export(state["actor"], folder / f"walker-{step // 1000}k.safetensors")
        if crossed(CHECKPOINT):
            saved = {
                "step": step,
                "state": {k: jax.tree.map(np.asarray, v) for k, v in state.items() if k != "key"},
                "key": np.asarray(jax.random.key_data(state["key"])),
                "rng": rng.bit_generator.state,
                "columns": [column[:step] for column in columns],
            }
            (folder / "new.pickle").write_bytes(pickle.dumps(saved))
            (folder / "new.pickle").replace(kept)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
