"""D4RL's ant and its mazes, written from their numbers: the model's text, and what the walker sees.

Imported by `record_ant.py`, which records what `core/src/env/antmaze` is held against, and by `train_walker.py`.
"""

import numpy as np

# `#` wall, `r` start of an evaluation, `g` its goal. x runs along the columns, y along the rows.
MAZES = {
    "umaze": ["#####", "#r  #", "### #", "#g  #", "#####"],
    "medium": [
        "########",
        "#r ##  #",
        "#  #   #",
        "##   ###",
        "#  #   #",
        "# #  # #",
        "#   # g#",
        "########",
    ],
    "large": [
        "############",
        "#r   #     #",
        "# ## # # # #",
        "#      #   #",
        "# #### ### #",
        "#  # #     #",
        "## # # # ###",
        "#  #   # g #",
        "############",
    ],
}
CELL = 4.0
# Physics steps of 0.02 s to one action.
SUBSTEPS = 5
TORQUE = 30.0
# Where a leg's hip and ankle are along x and y (m), the axis of its ankle, the ankle's limits (degrees).
LEGS = [
    ((0.2, 0.2), (-1, 1), (30, 70)),
    ((-0.2, 0.2), (1, 1), (-70, -30)),
    ((-0.2, -0.2), (-1, 1), (-70, -30)),
    ((0.2, -0.2), (1, 1), (30, 70)),
]
MOTORS = [f"{joint}_{leg}" for leg in (4, 1, 2, 3) for joint in ("hip", "ankle")]


def model(maze, margin):
    """The text of an ant in a maze. MuJoCo adds the margins of the two geoms of a contact from version 3.14 on, and
    took the larger one before: D4RL's contacts begin at 0.01 m."""

    def capsule(x, y):
        return f'<geom type="capsule" size="0.08" fromto="0 0 0 {x} {y} 0"/>'

    legs = ""
    for leg, ((x, y), (ax, ay), (low, high)) in enumerate(LEGS, 1):
        foot = (
            f'<joint name="ankle_{leg}" axis="{ax} {ay} 0" range="{low} {high}"/>{capsule(2 * x, 2 * y)}'
        )
        shin = (
            f'<joint name="hip_{leg}" axis="0 0 1" range="-30 30"/>{capsule(x, y)}'
            f'<body pos="{x} {y} 0">{foot}</body>'
        )
        legs += f'<body>{capsule(x, y)}<body pos="{x} {y} 0">{shin}</body></body>'
    walls = "".join(
        f'<geom type="box" pos="{(j - 1) * CELL} {(i - 1) * CELL} 1" size="2 2 1" contype="1" conaffinity="1"/>'
        for i, row in enumerate(maze)
        for j, cell in enumerate(row)
        if cell == "#"
    )
    motors = "".join(f'<motor joint="{joint}" ctrlrange="-30 30" ctrllimited="true"/>' for joint in MOTORS)
    return f"""<mujoco model="ant">
<compiler angle="degree" inertiafromgeom="true"/>
<option timestep="0.02" integrator="RK4"/>
<default>
<joint armature="1" damping="1" limited="true"/>
<geom conaffinity="0" condim="3" density="5" friction="1 0.5 0.5" margin="{margin}" solref="0.02 1" solimp="0.8 0.8 0.01"/>
</default>
<worldbody>
<geom type="plane" size="40 40 40" conaffinity="1"/>
<body name="torso" pos="0 0 0.75"><freejoint/><geom type="sphere" size="0.25"/>{legs}</body>
{walls}
</worldbody>
<actuator>{motors}</actuator>
</mujoco>"""


def rotation(quaternion):
    """The matrix of a unit quaternion (w, x, y, z): its columns are the body's axes in the world."""
    w, x, y, z = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def senses(qpos, qvel, direction):
    """What the walker sees, all in the body's frame, so that no heading is special: height, the world's up, joint
    angles, linear and angular velocity, joint velocities, the unit vector of where to go. 29 numbers."""
    body = rotation(qpos[3:7]).T
    goal = body[:, 0] * direction[0] + body[:, 1] * direction[1]
    return np.concatenate(
        [qpos[2:3], body[:, 2], qpos[7:15], body @ qvel[:3], qvel[3:6], qvel[6:14], goal]
    ).astype(np.float32)


def free_cells(maze):
    return [(i, j) for i, row in enumerate(maze) for j, cell in enumerate(row) if cell != "#"]


def place(cell):
    """The middle of a cell (row, column) as (x, y), m."""
    return np.array([(cell[1] - 1) * CELL, (cell[0] - 1) * CELL])


class Navigator:
    """D4RL's waypoints: the next cell on the shortest way, by breadth-first search from the target. A position belongs
    to the cell whose middle is the last one passed on each axis."""

    def __init__(self, maze, target, noise, rng):
        self.maze, self.target, self.noise, self.rng = maze, np.asarray(target), noise, rng
        self.goal = self.cell(target)
        self.distances = {self.goal: 0}
        layer = [self.goal]
        while layer:
            following = []
            for cell in layer:
                for beside in self.neighbours(cell):
                    if beside not in self.distances and maze[beside[0]][beside[1]] != "#":
                        self.distances[beside] = self.distances[cell] + 1
                        following.append(beside)
            layer = following

    @staticmethod
    def cell(position):
        return tuple(int(1 + max(k, 1e-4) / CELL) for k in (position[1], position[0]))

    @staticmethod
    def neighbours(cell):
        i, j = cell
        return [(i, j - 1), (i, j + 1), (i + 1, j), (i - 1, j)]

    def direction(self, position):
        here = self.cell(position)
        ahead = [cell for cell in self.neighbours(here) if cell in self.distances]
        waypoint = self.target
        if here != self.goal and ahead:
            following = min(ahead, key=self.distances.get)
            if following != self.goal:
                waypoint = place(following) + self.rng.uniform(0, self.noise, 2)
        towards = waypoint - position
        return towards / (np.linalg.norm(towards) + 1e-6)
