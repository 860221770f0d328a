"""Plays episodes of a simulator with Gymnasium's interface, decided by `diar policy`.

    python any_simulator.py BUNDLE FILE.py [EPISODES]     FILE.py defines make(), which gives the environment
"""

import json
import runpy
import subprocess
import sys


class Policy:
    def __init__(self, bundle, *options, program="diar"):
        command = [program, "policy", bundle, *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, request):
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline() or '{"error": "diar policy has ended"}')
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer


def state(observation):
    """The numbers of an observation; those under "observation" where it is a dictionary with goals beside it."""
    if isinstance(observation, dict):
        if "observation" not in observation:
            keys = ", ".join(map(str, observation))
            raise SystemExit(f"the observation is a dictionary of {keys}, expected a key 'observation' with the state")
        observation = observation["observation"]
    return [float(number) for number in observation]


if __name__ == "__main__":
    policy, env = Policy(sys.argv[1]), runpy.run_path(sys.argv[2])["make"]()
    for episode in range(int(sys.argv[3]) if len(sys.argv) > 3 else 10):
        policy.ask({"reset": 0, "episode": episode})
        (obs, _), over, steps, score = env.reset(seed=episode), False, 0, 0.0
        while not over:
            answer = policy.ask({"obs": state(obs)})
            obs, reward, terminated, truncated, _ = env.step(answer["action"])
            over, steps, score = terminated or truncated, steps + 1, score + float(reward)
        print(f"episode {episode}: return {score:g} in {steps} steps, {answer['decision']['number']} plans")
