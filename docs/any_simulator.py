"""Plays episodes of a simulator with Gymnasium's interface, decided by `diar policy`, and prints their scores as JSON.

    python any_simulator.py BUNDLE --env PointMaze_UMaze-v3 --lanes 16 --episodes 100 --seed 0
    python any_simulator.py BUNDLE --file FILE.py --episodes 10        FILE.py defines make(), which gives the environment

With `--env`, Gymnasium is needed; other packages that register the environment are named with `--import`, such as
gymnasium_robotics.
"""

import argparse
import importlib
import json
import math
import runpy
import statistics
import subprocess
import sys


class Policy:
    """A running `diar policy`. A list of requests is decided together and answered by a list."""

    def __init__(self, bundle, *options, program="diar"):
        command = [program, "policy", bundle, *options]
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        except OSError as error:
            raise SystemExit(f"error: {program} cannot be run ({error.strerror}): expected the program `diar` in PATH, or --program")

    def ask(self, request):
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            # It has said why on standard error. Nothing is left to be flushed when this program ends.
            self.process.stdin = None
            raise SystemExit(self.process.wait() or 1)
        answer = json.loads(self.process.stdout.readline() or '{"error": "the program has ended"}')
        for each in answer if isinstance(answer, list) else [answer]:
            if "error" in each:
                raise SystemExit(f"error: diar policy: {each['error']}")
        return answer


def state(observation):
    """The numbers of an observation; those under "observation" where it is a dictionary with goals beside it."""
    if isinstance(observation, dict):
        if "observation" not in observation:
            keys = ", ".join(map(str, observation))
            raise SystemExit(f"error: the observation is a dictionary of {keys}, expected a key 'observation' with the state")
        observation = observation["observation"]
    numbers = [float(number) for number in observation]
    if not all(map(math.isfinite, numbers)):
        raise SystemExit(f"error: the simulator gave {numbers} as an observation, expected finite numbers")
    return numbers


class Lane:
    """One environment and the episode under way in it."""

    def __init__(self, number, env):
        self.number, self.env, self.episode = number, env, None

    def begin(self, episode, seed):
        self.episode, self.score, self.steps, self.reward, self.success = episode, 0.0, 0, None, None
        self.obs, _ = self.env.reset(seed=seed + episode)
        return {"lane": self.number, "reset": seed, "episode": episode}

    def request(self):
        asked = {"lane": self.number, "obs": state(self.obs)}
        return asked if self.reward is None else {**asked, "reward": self.reward}

    def step(self, action):
        """Takes a step; the result of the episode, once it is over."""
        self.obs, reward, terminated, truncated, info = self.env.step(action)
        self.reward = float(reward)
        if not math.isfinite(self.reward):
            raise SystemExit(f"error: the simulator gave {reward} as a reward, expected a finite number")
        self.score, self.steps = self.score + self.reward, self.steps + 1
        if "success" in info or "is_success" in info:
            self.success = bool(self.success) or bool(info.get("success", info.get("is_success")))
        if not (terminated or truncated):
            return None
        return {"episode": self.episode, "return": self.score, "steps": self.steps, "success": self.success}


def estimate(values):
    """Mean and half-width of its 95 % interval (normal approximation)."""
    values = list(values)
    spread = 1.96 * statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return {"mean": statistics.fmean(values), "ci95": spread}


def share(successes):
    """Share of successes with the ends of its 95 % interval (Wilson's, which holds for none and for all, too)."""
    n, mean, z = len(successes), statistics.fmean(successes), 1.96
    middle = (mean + z * z / (2 * n)) / (1 + z * z / n)
    spread = z / (1 + z * z / n) * math.sqrt(mean * (1 - mean) / n + z * z / (4 * n * n))
    return {"mean": mean, "low": middle - spread, "high": middle + spread}


def play(policy, make, lanes, episodes, seed):
    """Results of the episodes, in their order. They do not depend on the number of lanes."""
    lanes = [Lane(number, make()) for number in range(min(lanes, episodes))]
    waiting, results = list(range(episodes))[::-1], []
    policy.ask([lane.begin(waiting.pop(), seed) for lane in lanes])
    while lanes:
        # The action is an array where the simulator has arrays.
        answers = policy.ask([lane.request() for lane in lanes])
        begun, left = [], []
        for lane, answer in zip(lanes, answers):
            action = answer["action"]
            space = getattr(lane.env, "action_space", None)
            result = lane.step(space.dtype.type(action) if hasattr(space, "dtype") else action)
            if result is None:
                left.append(lane)
                continue
            results.append(result)
            if waiting:
                begun.append(lane.begin(waiting.pop(), seed))
                left.append(lane)
        lanes = left
        if begun:
            policy.ask(begun)
    return sorted(results, key=lambda result: result["episode"])


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", help="run directory or bundle file")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--env", metavar="ID", help="an environment's id in Gymnasium")
    which.add_argument("--file", metavar="FILE.py", help="a file that defines make()")
    parser.add_argument("--import", dest="modules", metavar="MODULE", action="append", default=[], help="a module to import first")
    parser.add_argument("--lanes", type=int, default=1, help="episodes played side by side")
    parser.add_argument("--episodes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="seed of starts and noise")
    parser.add_argument("--program", default="diar", help="the program `diar`")
    parser.add_argument("--policy", metavar="OPTION", action="append", default=[], help="an option of `diar policy`, such as --policy=--no-revalue")
    return parser.parse_args()


def main():
    args = options()
    for module in args.modules:
        importlib.import_module(module)
    if args.env:
        import gymnasium

        def make():
            try:
                return gymnasium.make(args.env)
            except gymnasium.error.Error as error:
                raise SystemExit(f"error: Gymnasium has no {args.env}: {error} (--import names the module that registers it)")
    else:
        make = runpy.run_path(args.file).get("make")
        if make is None:
            raise SystemExit(f"error: {args.file} has no function make(), expected one that gives the environment")
    if args.lanes < 1 or args.episodes < 1:
        raise SystemExit("error: --lanes and --episodes are at least 1")
    policy = Policy(args.bundle, *args.policy, program=args.program)
    results = play(policy, make, args.lanes, args.episodes, args.seed)
    known = [result["success"] for result in results if result["success"] is not None]
    print(json.dumps({
        "env": args.env or args.file,
        "bundle": args.bundle,
        "episodes": len(results),
        "seed": args.seed,
        "return": estimate(result["return"] for result in results),
        "success": share(list(map(float, known))) if known else None,
        "steps": statistics.fmean(result["steps"] for result in results),
        "returns": [result["return"] for result in results],
    }))


if __name__ == "__main__":
    sys.exit(main())
