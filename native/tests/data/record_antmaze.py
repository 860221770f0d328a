"""Records antmaze_h5py.hdf5: a small file in the form of D4RL's AntMaze data.

    pip install h5py numpy && python record_antmaze.py

Three walks of 21 rows in place of 1 001. What D4RL's file has that others lack: observations before a step and
infos/qpos and infos/qvel after it; rewards and terminals in double precision, as its relabelling script leaves them, 1
at the goal but without an end; walks that end by timeouts alone. The tests compute the same numbers.
"""

import h5py
import numpy as np

WALKS, ROWS = 3, 21
steps = np.arange(ROWS + 1)
# Each walk begins elsewhere; its 29 numbers rise by 1/8 a step.
states = np.stack([8.0 * walk + steps[:, None] / 8 + np.arange(29) / 64 for walk in range(WALKS)])
rows = WALKS * ROWS
before, after = states[:, :-1].reshape(rows, 29), states[:, 1:].reshape(rows, 29)
columns = {
    "actions": np.tile((np.arange(rows) / 64 - 0.5)[:, None], 8),
    "observations": before,
    "infos/goal": np.repeat(np.stack([np.arange(WALKS), -np.arange(WALKS)], 1), ROWS, 0),
    "infos/qpos": after[:, :15],
    "infos/qvel": after[:, 15:],
}
# Each walk passes the goal and goes on.
paid = np.tile((np.arange(ROWS) >= 12) & (np.arange(ROWS) < 17), WALKS).astype(np.float64)
with h5py.File("antmaze_h5py.hdf5", "w", libver="earliest") as file:
    gzip = {"compression": "gzip"}
    for name, column in columns.items():
        file.create_dataset(name, data=column.astype(np.float32), chunks=(32, min(8, column.shape[1])), **gzip)
    file.create_dataset("rewards", data=paid, **gzip)
    file.create_dataset("terminals", data=paid, **gzip)
    file.create_dataset("timeouts", data=np.tile(np.arange(ROWS) == ROWS - 1, WALKS), **gzip)
