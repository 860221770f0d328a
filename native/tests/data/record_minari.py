"""Records minari/: a small data set as Minari stores mazes, with h5py.

    pip install h5py numpy && python record_minari.py

Groups in order of creation (a fractal heap), attributes, chunks without a last size, f64 observations in parts. The
test computes the same numbers from their episode and row.
"""

import json
import pathlib

import h5py
import numpy as np

folder = pathlib.Path("minari/walk-v0/data")
folder.mkdir(parents=True, exist_ok=True)
lengths = [3 + 7 * k % 5 for k in range(12)]


def add(group, name, data):
    # Minari lets h5py choose the chunks; those would be far larger than the data.
    group.create_dataset(name, data=data, chunks=(4, *data.shape[1:]), maxshape=(None, *data.shape[1:]))


with h5py.File(folder / "main_data.hdf5", "w", track_order=True) as file:
    for k, steps in enumerate(lengths):
        episode = file.create_group(f"episode_{k}")
        episode.attrs.update({"id": k, "total_steps": steps, "seed": 100 + k})
        rows = np.arange(steps + 1, dtype=np.float64)
        states = 100.0 * k + rows[:, None] + 0.25 * np.arange(4)
        observations = episode.create_group("observations")
        add(observations, "observation", states)
        add(observations, "achieved_goal", states[:, :2])
        add(observations, "desired_goal", np.full((steps + 1, 2), float(k)))
        add(episode, "actions", np.stack([rows[:-1] / 10, -rows[:-1] / 10], 1).astype(np.float32))
        add(episode, "rewards", (rows[:-1] % 3 == 0).astype(np.float64))
        # Every third episode reaches its end, the next one is cut off, the one after stops without a word.
        last = rows[:-1] == steps - 1
        add(episode, "terminations", last & (k % 3 == 0))
        add(episode, "truncations", last & (k % 3 == 1))
        infos = episode.create_group("infos")
        add(infos, "success", np.zeros(steps + 1, dtype=bool))

metadata = {
    "total_episodes": len(lengths),
    "total_steps": sum(lengths),
    "data_format": "hdf5",
    "observation_space": "{}",
    "action_space": "{}",
    "dataset_id": "walk-v0",
    "minari_version": "0.5.3",
}
(folder / "metadata.json").write_text(json.dumps(metadata))
