"""Records the golden data of the AntMaze tests: what MuJoCo does with the ant of `ant.py`, and what the walker answers.

    pip install mujoco==3.17.0 numpy==2.4.6 safetensors==0.8.0
    python tests/golden/record_ant.py

writes ant.json beside this file. With another version of MuJoCo installed, for example 2.3.7, which D4RL's numbers come
from,

    python tests/golden/record_ant.py compare

says how far that version is from the file, and writes nothing. Per maze the file holds

- steps: single control steps, by the body parts that touch a wall. A row is qpos (15), qvel (14), action (8), then qpos
  and qvel after the step;
- trajectories: actions of 100 control steps in a row, the start, and the states after some of them;
- ways: x, y, target's x and y, and the cell (row, column) that D4RL walks to next.

- walker: states, directions, and what the walker sees and answers there.

States are of walks through the maze, and all inputs are short decimals, so that reader and recorder start from the same
bits. A start has a warm start of zeros.
"""

import json
import sys
from pathlib import Path

import ant
import mujoco
import numpy as np
from safetensors.numpy import load_file

HERE = Path(__file__).parent
FILE = HERE / "ant.json"
WALKER = HERE / "../../native/weights/ant-walker.safetensors"
SEED = 20250
STEPS, TRAJECTORIES, LENGTH, WAYS, ANSWERS = 12, 2, 100, 60, 16
KEPT = (1, 2, 5, 10, 20, 50, 100)
# MuJoCo adds margins from 3.14 on.
MARGIN = 0.005 if tuple(map(int, mujoco.__version__.split(".")[:2])) >= (3, 14) else 0.01


class Simulator:
    def __init__(self, maze):
        self.model = mujoco.MjModel.from_xml_string(ant.model(maze, MARGIN))
        self.data = mujoco.MjData(self.model)

    def set(self, qpos, qvel):
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:], self.data.qvel[:] = qpos, qvel
        mujoco.mj_forward(self.model, self.data)
        self.data.qacc_warmstart[:] = 0

    def step(self, action):
        # Actions are single precision.
        self.data.ctrl[:] = ant.TORQUE * np.asarray(action, np.float32).astype(np.float64)
        mujoco.mj_step(self.model, self.data, ant.SUBSTEPS)
        return self.state()

    def state(self):
        return [*self.data.qpos.tolist(), *self.data.qvel.tolist()]

    def touching(self):
        """How many parts of the body touch a wall."""
        box = mujoco.mjtGeom.mjGEOM_BOX
        types = self.model.geom_type
        parts = set()
        for contact in self.data.contact[: self.data.ncon]:
            first, second = contact.geom1, contact.geom2
            if box in (types[first], types[second]):
                parts.add(first if types[second] == box else second)
        return len(parts)


def short(values, digits=4):
    return [round(float(x), digits) for x in values]


class Walker:
    """The network of `train_walker.py`, in double precision."""

    def __init__(self):
        tensors = load_file(WALKER)
        self.layers = [[tensors[f"{k}.{part}"].astype(np.float64) for part in ("weight", "bias")] for k in range(3)]

    def __call__(self, senses):
        x = senses.astype(np.float64)
        for number, (weight, bias) in enumerate(self.layers):
            x = x @ weight + bias
            x = np.maximum(x, 0) if number < 2 else np.tanh(x)
        return x


class Walk:
    """The walker on its ways through a maze, its actions as noisy as those of the data."""

    def __init__(self, rng, maze):
        self.rng, self.maze, self.walker = rng, maze, Walker()
        self.cells = ant.free_cells(maze)
        self.simulator = Simulator(maze)

    def place(self):
        return ant.place(self.cells[self.rng.integers(len(self.cells))]) + self.rng.uniform(0, 1, 2)

    def begin(self):
        qpos = np.array([0, 0, 0.75, 1, 0, 0, 0] + [0] * 8) + self.rng.uniform(-0.1, 0.1, 15)
        qpos[:2] = self.place()
        self.simulator.set(qpos, 0.1 * self.rng.standard_normal(14))
        self.lead = ant.Navigator(self.maze, self.place(), 1.0, self.rng)

    def state(self):
        """Rounded: walking goes on from there."""
        data = self.simulator.data
        qpos, qvel = short(data.qpos), short(data.qvel)
        self.simulator.set(qpos, qvel)
        return qpos, qvel

    def action(self):
        data = self.simulator.data
        direction = self.lead.direction(data.qpos[:2])
        action = self.walker(ant.senses(data.qpos, data.qvel, direction)) + 0.2 * self.rng.standard_normal(8)
        return short(np.clip(action, -1, 1), 2)

    def steps(self, count):
        for _ in range(count):
            self.simulator.step(self.action())


def d4rls_next(maze, here, goal):
    """The cell that D4RL walks to next: the first found, from the goal outwards, that lies beside this one."""
    if here == goal:
        return goal
    seen, layer = set(), [goal]
    while layer:
        following = []
        for i, j in layer:
            seen.add((i, j))
            for beside in ((i, j - 1), (i, j + 1), (i + 1, j), (i - 1, j)):
                if beside == here:
                    return i, j
                inside = 0 <= beside[0] < len(maze) and 0 <= beside[1] < len(maze[0])
                if inside and maze[beside[0]][beside[1]] != "#" and beside not in seen:
                    following.append(beside)
        layer = following
    raise ValueError("no way")


def of_maze(rng, maze):
    walk = Walk(rng, maze)
    simulator = walk.simulator
    steps = {"none": [], "one": [], "several": []}
    while any(len(rows) < STEPS for rows in steps.values()):
        walk.begin()
        for _ in range(40):
            walk.steps(7)
            kind = ("none", "one", "several")[min(simulator.touching(), 2)]
            if len(steps[kind]) < STEPS:
                qpos, qvel = walk.state()
                action = walk.action()
                steps[kind].append([*qpos, *qvel, *action, *simulator.step(action)])
    trajectories = []
    while len(trajectories) < TRAJECTORIES:
        walk.begin()
        walk.steps(30)
        qpos, qvel = walk.state()
        actions, states, touched = [], [], 0
        for step in range(1, LENGTH + 1):
            actions.append(walk.action())
            state = simulator.step(actions[-1])
            touched += simulator.touching() > 0
            if step in KEPT:
                states.append(state)
        if touched >= LENGTH // 10:
            trajectories.append({"start": [*qpos, *qvel], "actions": actions, "states": states, "touched": touched})
    ways = []
    while len(ways) < WAYS:
        here, target = short(walk.place() + rng.uniform(-2.5, 0.5, 2)), short(walk.place())
        cell = ant.Navigator.cell
        ways.append([*here, *target, *d4rls_next(maze, cell(here), cell(target))])
    return {"steps": steps, "trajectories": trajectories, "ways": ways}


def answers(rng):
    """What the walker sees and does in some states."""
    walk, found = Walk(rng, ant.MAZES["medium"]), []
    walk.begin()
    for _ in range(ANSWERS):
        walk.steps(5)
        qpos, qvel = walk.state()
        angle = rng.uniform(-np.pi, np.pi)
        direction = short([np.cos(angle), np.sin(angle)])
        senses = ant.senses(np.array(qpos), np.array(qvel), np.array(direction))
        known = {"qpos": qpos, "qvel": qvel, "direction": direction}
        found.append(known | {"senses": senses.tolist(), "action": walk.walker(senses).tolist()})
    return found


def record():
    rng = np.random.default_rng(SEED)
    found = {"mujoco": mujoco.__version__, "kept": KEPT}
    model = Simulator(ant.MAZES["umaze"]).model
    found["mass"] = float(model.body_mass.sum())
    found["mazes"] = {name: of_maze(rng, maze) for name, maze in ant.MAZES.items()}
    found["walker"] = answers(rng)
    text = json.dumps(found)
    # One row to a line.
    FILE.write_text(text.replace("], [", "],\n[") + "\n")


def compare():
    golden = json.loads(FILE.read_text())
    print(f"MuJoCo {mujoco.__version__} against {golden['mujoco']}: largest difference, positions (m, rad), speeds")
    for name, maze in golden["mazes"].items():
        simulator = Simulator(ant.MAZES[name])
        for kind, rows in maze["steps"].items():
            differences = []
            for row in np.array(rows):
                simulator.set(row[:15], row[15:29])
                differences.append(np.abs(np.array(simulator.step(row[29:37])) - row[37:]))
            differences = np.array(differences)
            worst, middle = differences.max(0), np.median(differences, 0)
            print(
                f"{name}: one control step, parts at a wall: {kind}: {worst[:15].max():.1e} {worst[15:].max():.1e}"
                f" (median of steps {middle[:15].max():.1e} {middle[15:].max():.1e})"
            )
        for trajectory in maze["trajectories"]:
            start = np.array(trajectory["start"])
            simulator.set(start[:15], start[15:])
            drift, kept = [], iter(trajectory["states"])
            for step, action in enumerate(trajectory["actions"], 1):
                state = simulator.step(action)
                if step in golden["kept"]:
                    apart = np.abs(np.array(state) - next(kept))
                    drift.append(f"{step}: {apart[:15].max():.1e}")
            print(f"{name}: control steps in a row, positions after {', '.join(drift)}")


if __name__ == "__main__":
    compare() if sys.argv[1:] == ["compare"] else record()
