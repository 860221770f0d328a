"""Records minari/formats/: the same episodes in two of the formats that Minari writes, Arrow and Parquet, by Minari; its
HDF5 is in record_minari.py. expected.json has the numbers as Minari reads them.

    pip install -r requirements.txt && python record_minari_formats.py
"""

import json
import os
import pathlib
import shutil

os.environ["MINARI_DATASETS_PATH"] = str(pathlib.Path("minari").absolute())

import gymnasium as gym
import minari
import numpy as np
import pyarrow.parquet
from gymnasium.spaces import Box, Dict
from minari.data_collector.episode_buffer import EpisodeBuffer

shutil.rmtree("minari/formats", ignore_errors=True)
FORMATS = ["arrow", "parquet"]


def create(name, episodes, data_format, observation_space, action_space, **more):
    return minari.create_dataset_from_buffers(
        f"formats/{name}-{data_format}-v0",
        episodes,
        observation_space=observation_space,
        action_space=action_space,
        data_format=data_format,
        **more,
    )


# Observations in parts, as mazes have them, with and without bounds; the second action has a range of its own. The
# episodes reach their end, are cut off, and stop without a word.
observations = Dict(
    {
        "achieved_goal": Box(-8, 8, (2,), np.float64),
        "desired_goal": Box(-np.inf, np.inf, (2,), np.float64),
        "observation": Box(
            np.array([-np.inf, -1.5, 0.0]), np.array([np.inf, 1.5, np.inf]), dtype=np.float64
        ),
    }
)
actions = Box(np.array([-1, -2], np.float32), np.array([1, 2], np.float32))


def walk(number, steps):
    rows = np.arange(steps + 1, dtype=np.float64)
    states = 100.0 * number + rows[:, None] + 0.25 * np.arange(3)
    last = rows[:-1] == steps - 1
    return EpisodeBuffer(
        observations={
            "achieved_goal": states[:, :2],
            "desired_goal": np.full((steps + 1, 2), float(number)),
            "observation": states,
        },
        actions=np.stack([rows[:-1] / 8, -rows[:-1] / 4], 1).astype(np.float32),
        rewards=rows[:-1] % 3,
        terminations=last & (number % 3 == 0),
        truncations=last & (number % 3 == 1),
        infos={"deep": {"place": states[:, :2]}},
    )


for data_format in FORMATS:
    episodes = [walk(number, steps) for number, steps in enumerate([4, 1, 6])]
    create("walk", episodes, data_format, observations, actions, ref_min_score=1.5, ref_max_score=20.0)

# Environments of Gymnasium: single precision, actions up to 2, a time limit; and discrete actions.
for name, steps in [("Pendulum-v1", 12), ("CartPole-v1", 40)]:
    env = gym.make(name, max_episode_steps=steps)
    env.action_space.seed(3)
    episodes = []
    for seed in range(3):
        states, taken, rewards, terminations, truncations = [env.reset(seed=seed)[0]], [], [], [], []
        while not any(terminations + truncations):
            taken.append(env.action_space.sample())
            state, reward, terminated, truncated, _ = env.step(taken[-1])
            states.append(state)
            rewards.append(reward)
            terminations.append(terminated)
            truncations.append(truncated)
        episodes.append(
            EpisodeBuffer(
                seed=seed,
                observations=np.array(states),
                actions=np.array(taken),
                rewards=rewards,
                terminations=terminations,
                truncations=truncations,
            )
        )
    for data_format in FORMATS:
        short = name.lower().removesuffix("-v1")
        create(short, episodes, data_format, env.observation_space, env.action_space, env=env)

# Pictures, which are not read.
pictures = EpisodeBuffer(
    observations=np.zeros((3, 32, 32), np.uint8),
    actions=np.zeros((2, 2), np.float32),
    rewards=np.zeros(2),
    terminations=np.array([False, True]),
    truncations=np.zeros(2, bool),
)
for data_format in FORMATS:
    create("pictures", [pictures], data_format, Box(0, 255, (32, 32), np.uint8), actions)

# An episode as somebody might compress it, which is not read.
walked = pyarrow.parquet.read_table("minari/formats/walk-parquet-v0/data/1/part-0.parquet")
pyarrow.parquet.write_table(walked, "minari/formats/zstd.parquet", compression="zstd")

# What Minari reads of them.
expected = {}
for name in ["walk", "pendulum", "cartpole"]:
    data_set = minari.load_dataset(f"formats/{name}-arrow-v0")
    expected[name] = [
        {
            "observations": (
                episode.observations["observation"] if name == "walk" else episode.observations
            ).tolist(),
            "actions": episode.actions.tolist(),
            "rewards": episode.rewards.tolist(),
            "terminations": episode.terminations.tolist(),
            "truncations": episode.truncations.tolist(),
        }
        for episode in data_set.iterate_episodes()
    ]
pathlib.Path("minari/formats/expected.json").write_text(json.dumps(expected) + "\n")
# Neither where it was made nor when is of interest.
for path in pathlib.Path("minari/formats").glob("*/data/metadata.json"):
    metadata = json.loads(path.read_text())
    for name in ["code_permalink", "author", "author_email"]:
        metadata.pop(name, None)
    path.write_text(json.dumps(metadata))
