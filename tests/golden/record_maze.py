"""Records the golden data of core/tests/maze.rs: what MuJoCo 2.3.7 does with D4RL's point mass.

    pip install -r tests/golden/requirements.txt
    python tests/golden/record_maze.py

writes maze.json beside this file. The model is built here from its numbers: a ball on two damped slide joints, two
motors, one box per wall cell. Per maze it holds

- steps: single steps from a state with an action, by the number of walls in contact. A row is
  [x, y, vx, vy, ax, ay, x', y', vx', vy'];
- trajectories: open-loop runs of 800 steps, actions [ax, ay] and states [x, y, vx, vy], the start included;
- rest: how far from the wall's face the ball comes to rest under full force, m.

All inputs are short decimals, so that reader and recorder start from the same bits.
"""

import json
from pathlib import Path

import mujoco
import numpy as np

MAZES = {
    "umaze": ["#####", "#GOO#", "###O#", "#OOO#", "#####"],
    "medium": ["########", "#OO##OO#", "#OO#OOO#", "##OOO###", "#OO#OOO#", "#O#OO#O#", "#OOO#OG#", "########"],
    "large": [
        "############",
        "#OOOO#OOOOO#",
        "#O##O#O#O#O#",
        "#OOOOOO#OOO#",
        "#O####O###O#",
        "#OO#O#OOOOO#",
        "##O#O#O#O###",
        "#OO#OOO#OGO#",
        "############",
    ],
}
OFFSET, RADIUS, MARGIN, TOP_SPEED = 1.2, 0.1, 0.002, 5.0
SEED = 20240
PER_KIND = {"free": 300, "one": 500, "several": 300}
TRAJECTORIES, LENGTH = 2, 800


def model_of(maze):
    """The maze as a MuJoCo model."""
    contact = f'friction="0.5 0.1 0.1" margin="{MARGIN}" condim="1" contype="2" conaffinity="1"'
    walls = "".join(
        f'<geom type="box" size="0.5 0.5 0.2" pos="{i + 1} {j + 1} 0" {contact}/>'
        for i, row in enumerate(maze)
        for j, cell in enumerate(row)
        if cell == "#"
    )
    ball = contact.replace('contype="2"', 'contype="1"')
    joints = "".join(
        f'<joint name="{name}" type="slide" axis="{axis}" pos="0 0 0" damping="1"/>'
        for name, axis in (("x", "1 0 0"), ("y", "0 1 0"))
    )
    motors = "".join(f'<motor joint="{name}" gear="100" ctrllimited="true" ctrlrange="-1 1"/>' for name in "xy")
    return mujoco.MjModel.from_xml_string(
        f"""<mujoco>
          <option timestep="0.01" gravity="0 0 0" iterations="20" integrator="Euler" solver="Newton"/>
          <worldbody>
            <geom name="ground" type="plane" size="40 40 0.25" pos="0 0 -0.1" {contact}/>
            {walls}
            <body pos="{OFFSET} {OFFSET} 0">
              <geom name="ball" type="sphere" size="{RADIUS}" density="1000" {ball}/>
              {joints}
            </body>
          </worldbody>
          <actuator>{motors}</actuator>
        </mujoco>"""
    )


class Simulator:
    """D4RL's environment step: clip the velocity, then one step of MuJoCo."""

    def __init__(self, maze):
        self.model = model_of(maze)
        self.data = mujoco.MjData(self.model)
        self.ground = self.model.geom("ground").id

    def set(self, state):
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:], self.data.qvel[:] = state[:2], state[2:]

    def step(self, action):
        """Takes a step; gives the number of walls that were in contact."""
        self.data.qvel[:] = np.clip(self.data.qvel, -TOP_SPEED, TOP_SPEED)
        self.data.ctrl[:] = np.clip(action, -1, 1)
        mujoco.mj_step(self.model, self.data)
        return sum(self.ground not in (contact.geom1, contact.geom2) for contact in self.data.contact)

    @property
    def state(self):
        return np.concatenate([self.data.qpos, self.data.qvel])


def held_actions(random, length):
    """Random actions, each held for a while, often at full force: they press the ball against walls."""
    actions = []
    while len(actions) < length:
        action = random.integers(-80, 81, 2).clip(-64, 64) / 64
        actions += [action] * random.integers(5, 40)
    return np.array(actions[:length])


def random_start(random, maze):
    cells = [(i, j) for i, row in enumerate(maze) for j, cell in enumerate(row) if cell != "#"]
    position = cells[random.integers(len(cells))] + random.uniform(-0.1, 0.1, 2)
    return np.round(np.concatenate([position, random.normal(0, 0.1, 2)]), 6)


def wall_state(random, maze):
    """A state beside a wall, often at a corner: as fast, and as far into the wall, as a hit can be."""
    while True:
        corner = random.integers(0, [len(maze), len(maze[0])]) + 0.5
        world = corner + random.uniform(-1, 1, 2) * (0.12 if random.random() < 0.5 else 0.5)
        gap = min(
            np.linalg.norm(world - np.clip(world, [i + 0.5, j + 0.5], [i + 1.5, j + 1.5])) - RADIUS
            for i, row in enumerate(maze)
            for j, cell in enumerate(row)
            if cell == "#"
        )
        in_maze = (world > 0.5).all() and (world < [len(maze) + 0.5, len(maze[0]) + 0.5]).all()
        if in_maze and -0.065 < gap < 0.02:
            speed = random.choice([0.3, 2.0, 5.3])
            return np.round(np.concatenate([world - OFFSET, random.uniform(-speed, speed, 2)]), 6)


def record_steps(random, maze, simulator):
    """Single steps, half of them from states met on the way, half from made-up ones near walls."""
    kinds = {kind: [] for kind in PER_KIND}
    met = []
    while any(len(kinds[kind]) < count for kind, count in PER_KIND.items()):
        if not met:
            simulator.set(random_start(random, maze))
            for action in held_actions(random, LENGTH):
                simulator.step(action)
                met.append(np.round(simulator.state, 6))
        state = wall_state(random, maze) if random.random() < 0.5 else met.pop(random.integers(len(met)))
        action = random.integers(-80, 81, 2) / 64
        simulator.set(state)
        contacts = simulator.step(action)
        kind = ("free", "one", "several")[min(contacts, 2)]
        if len(kinds[kind]) < PER_KIND[kind]:
            kinds[kind].append(np.concatenate([state, action, simulator.state]).tolist())
    return kinds


def record_trajectory(random, maze, simulator):
    simulator.set(random_start(random, maze))
    actions = held_actions(random, LENGTH)
    states, contacts = [simulator.state.tolist()], 0
    for action in actions:
        contacts += simulator.step(action) > 0
        states.append(simulator.state.tolist())
    return {"actions": actions.tolist(), "states": states, "contact_steps": int(contacts)}


def record_rest(maze, simulator):
    """Full force against the upper border wall, from the highest free cell of the last free column."""
    column = len(maze[0]) - 2
    row = next(i for i, cells in enumerate(maze) if cells[column] != "#")
    simulator.set([row, column, 0, 0])
    for _ in range(LENGTH):
        simulator.step([0, 1])
    face = column + 1.5
    return float(face - (simulator.state[1] + OFFSET) - RADIUS)


def main():
    assert mujoco.__version__ == "2.3.7", f"needs MuJoCo 2.3.7, found {mujoco.__version__}: see requirements.txt"
    mazes = {}
    for index, (name, maze) in enumerate(MAZES.items()):
        random = np.random.default_rng([SEED, index])
        simulator = Simulator(maze)
        mazes[name] = {
            "rest": record_rest(maze, simulator),
            "steps": record_steps(random, maze, simulator),
            "trajectories": [record_trajectory(random, maze, simulator) for _ in range(TRAJECTORIES)],
        }
    path = Path(__file__).with_name("maze.json")
    path.write_text(json.dumps({"mujoco": mujoco.__version__, "mazes": mazes}, separators=(",", ":")) + "\n")
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
