"""Collects a data set of Gymnasium's Reacher-v5 with a noisy controller, and writes it as Minari does.

    pip install "gymnasium[mujoco]==1.4.0" "minari[hdf5,create]==0.5.4"
    python collect_reacher.py --episodes 2000 --seed 0 --out datasets
    diar train --data datasets/reacher/noisy-v0 --run runs/reacher
    python any_simulator.py runs/reacher --env Reacher-v5 --lanes 16 --episodes 200

Reacher is an arm with two links in the plane, whose finger shall reach a target and stay there. The controller turns both
joints towards the angles that reach the target, and brakes. Each episode has a controller of its own: how hard it pulls, how
strongly noise shakes its actions, and how far beside the target it aims. So a few episodes are good, most are not.
The data's mean return is printed as JSON.
"""

import json
import math
import statistics

import gymnasium
import numpy as np
from any_simulator import estimate
from minari_collection import best_tenth, options, recorder, seed

LINKS = 0.1, 0.11  # m, up to the finger
TORQUE = 200.0  # acceleration of a joint (rad/s²) per unit of action, as its armature outweighs the links


def angles(x, y, elbow):
    """Angles of both joints with the finger at (x, y), as near as the arm gets; `elbow` is 1 or -1, one for each way to bend."""
    first, second = LINKS
    cosine = (x * x + y * y - first**2 - second**2) / (2 * first * second)
    bend = elbow * math.acos(min(max(cosine, -0.98), 1.0))
    return np.array([math.atan2(y, x) - math.atan2(second * math.sin(bend), first + second * math.cos(bend)), bend])


class Controller:
    """Springs and brakes at both joints, with noise. A new one is drawn for each episode."""

    def __init__(self, rng):
        self.rng = rng
        self.pull = rng.uniform(2.0, 12.0)  # rad/s: how fast an error of the angle goes away
        self.noise = rng.uniform(0.0, 0.3)  # deviation of the actions
        self.aside = rng.normal(0.0, rng.uniform(0.0, 0.05), 2)  # m
        self.elbow = None

    def __call__(self, observation):
        cosines, sines, target, speeds = observation[0:2], observation[2:4], observation[4:6], observation[6:8]
        now = np.arctan2(sines, cosines)
        if self.elbow is None:
            # The way to bend that has less to turn.
            self.elbow = min((1, -1), key=lambda elbow: np.abs(self.error(target, elbow, now)).sum())
        error = self.error(target, self.elbow, now)
        action = (self.pull**2 * error - 2 * self.pull * speeds) / TORQUE
        return np.clip(action + self.noise * self.rng.standard_normal(2), -1.0, 1.0).astype(np.float32)

    def error(self, target, elbow, now):
        error = angles(*(target + self.aside), elbow) - now
        # The first joint may turn all the way round, the second may not.
        error[0] = (error[0] + math.pi) % (2 * math.pi) - math.pi
        return error


def main():
    args = options(__doc__, episodes=2000, name="reacher/noisy-v0").parse_args()
    env, folder = recorder(gymnasium.make("Reacher-v5"), args)
    rng, returns = np.random.default_rng(args.seed), []
    for episode in range(args.episodes):
        observation, _ = env.reset(seed=seed(rng))
        controller, total, over = Controller(rng), 0.0, False
        while not over:
            observation, reward, terminated, truncated, _ = env.step(controller(observation))
            total, over = total + float(reward), terminated or truncated
        returns.append(total)
    env.create_dataset(args.name, algorithm_name="noisy controller of joint angles")
    env.close()
    print(json.dumps({
        "folder": str(folder),
        "episodes": len(returns),
        "return": estimate(returns),
        "best_tenth": statistics.fmean(best_tenth(returns)),
        "best": max(returns),
    }))


if __name__ == "__main__":
    main()
