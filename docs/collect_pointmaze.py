"""Collects a data set of PointMaze_UMaze-v3 with a noisy waypoint controller, and writes it as Minari does.

    pip install "gymnasium[mujoco]==1.4.0" "gymnasium-robotics==1.4.2" "minari[hdf5,create]==0.5.4"
    python collect_pointmaze.py --episodes 500 --seed 0 --out datasets
    diar train --data datasets/pointmaze/waypoints-v0 --run runs/pointmaze
    python any_simulator.py runs/pointmaze --file collect_pointmaze.py --lanes 16 --episodes 100

A ball in a maze shall roll to a goal and stay there. Each episode has another goal, which Gymnasium-Robotics keeps apart from the
observation. A policy has to see it: make() puts it behind the observation, in the data and for any_simulator.py alike. With
`--dict` the data have the dictionaries of Gymnasium-Robotics, of which only `observation` is learned, without the goal.

The controller knows the maze. It rolls from cell to cell on the shortest way, and noise shakes its actions. How fast it rolls and
how much noise there is, is drawn for each episode. The data's mean return and success are printed as JSON.
"""

import collections
import json
import math
import statistics

import gymnasium
import gymnasium_robotics
import numpy as np
from any_simulator import estimate
from minari_collection import best_tenth, options, recorder, seed

gymnasium.register_envs(gymnasium_robotics)


class GoalInSight(gymnasium.ObservationWrapper):
    """Observations are position, velocity and goal, six numbers."""

    def __init__(self, env):
        super().__init__(env)
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (6,), np.float64)

    def observation(self, observation):
        return np.concatenate([observation["observation"], observation["desired_goal"]])


def make():
    return GoalInSight(gymnasium.make("PointMaze_UMaze-v3"))


class Controller:
    """Pushes the ball towards the next cell on the way to the goal. A new one is drawn for each episode."""

    def __init__(self, env, rng):
        self.maze, self.rng = env.unwrapped.maze, rng
        self.pull = rng.uniform(1.0, 5.0)  # per metre
        self.noise = rng.uniform(0.0, 1.0)  # deviation of the actions
        self.cells = {}

    def __call__(self, observation):
        position, velocity, goal = observation[0:2], observation[2:4], observation[4:6]
        push = self.pull * (self.waypoint(position, goal) - position) - velocity
        return np.clip(push + self.noise * self.rng.standard_normal(2), -1.0, 1.0).astype(np.float32)

    def waypoint(self, position, goal):
        """The middle of the next cell, or the goal where it lies in this cell or the next."""
        here, there = (tuple(map(int, self.maze.cell_xy_to_rowcol(place))) for place in (position, goal))
        if not self.cells:
            self.cells = self.steps_to(there)
        row, column = here
        around = [(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)]
        following = min([here, *around], key=lambda cell: self.cells.get(cell, math.inf))
        return goal if following == there else self.maze.cell_rowcol_to_xy(np.array(following))

    def steps_to(self, goal):
        """Cells with a way to `goal`, and how many steps it has."""
        steps, waiting = {goal: 0}, collections.deque([goal])
        while waiting:
            row, column = waiting.popleft()
            for cell in (row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1):
                if self.maze.maze_map[cell[0]][cell[1]] != 1 and cell not in steps:
                    steps[cell] = steps[row, column] + 1
                    waiting.append(cell)
        return steps


def play(env, policy, observation, sight):
    """Return and success of an episode under way."""
    total, success, over = 0.0, False, False
    while not over:
        observation, reward, terminated, truncated, info = env.step(policy(sight(observation)))
        total, success, over = total + float(reward), success or info["success"], terminated or truncated
    return total, float(success)


def main():
    parser = options(__doc__, episodes=500, name="pointmaze/waypoints-v0")
    parser.add_argument("--dict", action="store_true", help="write the dictionaries of Gymnasium-Robotics")
    args = parser.parse_args()

    sighted = make()
    sight = sighted.observation if args.dict else lambda observation: observation
    env, folder = recorder(sighted.env if args.dict else sighted, args)
    rng, results = np.random.default_rng(args.seed), []
    for episode in range(args.episodes):
        observation, _ = env.reset(seed=seed(rng))
        results.append(play(env, Controller(env, rng), observation, sight))
    env.create_dataset(args.name, algorithm_name="noisy waypoint controller")
    env.close()
    returns, successes = zip(*results)
    print(json.dumps({
        "folder": str(folder),
        "episodes": len(results),
        "return": estimate(returns),
        "success": estimate(successes),
        "best_tenth": statistics.fmean(best_tenth(returns)),
    }))


if __name__ == "__main__":
    main()
