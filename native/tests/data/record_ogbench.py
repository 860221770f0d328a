"""Records ogbench/: a walk through OGBench's own point maze, stored as its data sets are, and the three forms in which
its loader hands that file out, stored with numpy; expected.json has the rewards of being near PLACE after a step, by numpy.

    pip install -r requirements.txt && python record_ogbench.py

OGBench's environments need no display here: nothing is drawn.
"""

import json
import pathlib
import shutil

import gymnasium
import numpy as np
import ogbench
from ogbench.utils import load_dataset

# The goal of OGBench's second task there, and a place beside it.
GOAL = np.array([20.0, 0.0])
PLACE, RADIUS = np.array([19.0, 1.5]), 1.0
# Rows of each episode, the last of which has an action that nobody took, and where each begins, from the goal.
EPISODES = [(30, [-1.5, 2.5]), (12, [0.5, 0.75]), (2, [-1.0, 2.0]), (41, [1.5, 1.5])]

folder = pathlib.Path("ogbench")
folder.mkdir(exist_ok=True)
np.random.seed(1)
env = gymnasium.make("pointmaze-medium-v0", terminate_at_goal=False, add_noise_to_goal=False)
env.action_space.seed(1)
columns = {name: [] for name in ["observations", "actions", "terminals", "qpos", "qvel"]}
for episode, (length, offset) in enumerate(EPISODES):
    env.reset(seed=episode, options={"task_id": 2})
    assert np.allclose(env.unwrapped.cur_goal_xy, GOAL), env.unwrapped.cur_goal_xy
    env.unwrapped.set_xy(GOAL + offset)
    ob = env.unwrapped.get_ob()
    for step in range(length):
        # Around the goal and towards it, with noise.
        away = ob - GOAL
        action = np.array([-away[1], away[0]]) - 0.3 * away + 0.5 * env.action_space.sample()
        action = np.clip(action, -1, 1).astype(np.float32)
        next_ob, _, _, _, info = env.step(action)
        columns["observations"].append(ob)
        columns["actions"].append(action)
        columns["terminals"].append(step + 1 == length)
        columns["qpos"].append(info["prev_qpos"])
        columns["qvel"].append(info["prev_qvel"])
        ob = next_ob
kinds = {name: bool if name == "terminals" else np.float32 for name in columns}
raw = {name: np.array(values, dtype=kinds[name]) for name, values in columns.items()}
path = folder / "pointmaze-medium-navigate-v0.npz"
np.savez_compressed(path, **raw)

# What the loader makes of it: with the observation after each step, and with a column that says which rows have one.
regular = load_dataset(str(path))
np.savez_compressed(folder / "regular.npz", **regular)
np.savez_compressed(folder / "compact.npz", **load_dataset(str(path), compact_dataset=True))
# And with rewards of -1 and 0, for a goal of OGBench's. It reads a second file, too.
validation = folder / "pointmaze-medium-navigate-v0-val.npz"
shutil.copy(path, validation)
single, _ = ogbench.make_env_and_datasets(
    "pointmaze-medium-navigate-singletask-task2-v0", dataset_path=str(path), add_noise_to_goal=False
)[1:]
validation.unlink()
np.savez_compressed(folder / "singletask.npz", **single)

reached = np.linalg.norm(regular["next_observations"] - PLACE.astype(np.float32), axis=-1) <= RADIUS
expected = {
    "reward_at": [*PLACE, RADIUS],
    "rows": len(reached),
    "rewarded": np.flatnonzero(reached).tolist(),
    "ends": np.flatnonzero(regular["terminals"]).tolist(),
    "singletask_rewards": single["rewards"].tolist(),
    "first": [raw["observations"][0].tolist(), raw["actions"][0].tolist()],
}
assert {-1.0, 0.0} == set(single["rewards"].tolist())
assert 5 < len(expected["rewarded"]) < expected["rows"] - 5
(folder / "expected.json").write_text(json.dumps(expected) + "\n")
