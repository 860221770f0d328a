"""A ball in D4RL's U-maze, with Gymnasium's interface: a simulator that is not ours, to judge an agent in.

Between walls it moves as MuJoCo has it. Walls are hard here and stop the ball, where MuJoCo's give way a little.
"""

import math
import random

MAZE = ["#####", "#GOO#", "###O#", "#OOO#", "#####"]
FREE = [(i, j) for i, row in enumerate(MAZE) for j, cell in enumerate(row) if cell != "#"]
GOAL = (1, 1)
MASS, DAMPING, FORCE, STEP, RADIUS = 1000 * 4 / 3 * math.pi * 0.1**3, 1.0, 100.0, 0.01, 0.1


def blocked(x, y):
    """Whether the ball's bounding square touches a wall; cell (i, j) covers [i - 0.7, i + 0.3] x [j - 0.7, j + 0.3]."""
    corners = [(x + a, y + b) for a in (-RADIUS, RADIUS) for b in (-RADIUS, RADIUS)]
    return any(MAZE[math.floor(x + 0.7)][math.floor(y + 0.7)] == "#" for x, y in corners)


class PointMass:
    def reset(self, seed=None):
        draw = random.Random(seed)
        self.position = [k + draw.uniform(-0.1, 0.1) for k in draw.choice(FREE)]
        self.velocity, self.steps = [draw.gauss(0, 0.1), draw.gauss(0, 0.1)], 0
        return [*self.position, *self.velocity], {}

    def step(self, action):
        for k in range(2):
            force = FORCE * min(max(action[k], -1), 1)
            speed = min(max(self.velocity[k], -5), 5)
            speed += STEP * (force - DAMPING * speed) / (MASS + STEP * DAMPING)
            moved = self.position.copy()
            moved[k] += STEP * speed
            if blocked(*moved):
                moved, speed = self.position, 0.0
            self.position, self.velocity[k] = moved, speed
        self.steps += 1
        reached = math.dist(self.position, GOAL) <= 0.5
        return [*self.position, *self.velocity], float(reached), reached, self.steps == 300, {}


make = PointMass
