"""Records d4rl_h5py.hdf5: a small file as h5py writes D4RL's data sets, with what is found in the wild.

    pip install h5py numpy && python record_d4rl.py

The test computes the same numbers from their row and column.
"""

import h5py
import numpy as np

ROWS = 700
rows = np.arange(ROWS)

with h5py.File("d4rl_h5py.hdf5", "w", libver="earliest") as file:
    gzip = {"compression": "gzip"}
    # Chunks narrower than a row, as h5py chooses them for large columns.
    file.create_dataset(
        "observations",
        data=(rows[:, None] + 0.25 * np.arange(4)).astype(np.float32),
        chunks=(100, 1),
        **gzip,
    )
    file.create_dataset("actions", data=np.stack([rows / 1000, -rows / 1000], 1).astype(np.float64), **gzip)
    file.create_dataset("rewards", data=(rows % 7 == 0).astype(np.float64)[:, None], **gzip)
    file.create_dataset("terminals", data=(rows % 300 == 299)[:, None], **gzip)
    file.create_dataset("timeouts", data=rows % 100 == 99, **gzip)
    infos = file.create_group("infos")
    infos.create_dataset("goal", data=np.stack([rows, rows + 1], 1).astype(">f4"))
    metadata = file.create_group("metadata")
    metadata.create_dataset("algorithm", data="none")
