"""Records d4rl_h5py.hdf5: a small file as h5py writes D4RL's data sets, with what is found in the wild; and d4rl/: the
same 60 rows in files that are stored in other ways, some of which are refused.

    pip install h5py numpy && python record_d4rl.py

The tests compute the same numbers from their row and column.
"""

import os
import pathlib
import subprocess
import sys

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

# The same 60 rows in all files below.
folder = pathlib.Path("d4rl")
folder.mkdir(exist_ok=True)
(folder / "parts").mkdir(exist_ok=True)
few = np.arange(60)
COLUMNS = {
    "observations": (few[:, None] + 0.25 * np.arange(4)).astype(np.float32),
    "actions": np.stack([few / 64, -few / 64], 1).astype(np.float32),
    "rewards": (few % 7 == 0).astype(np.float32),
    "terminals": few % 30 == 29,
    "timeouts": few % 10 == 9,
    "infos/goal": np.stack([few, few + 1], 1).astype(np.float32),
}


def create(name, without=(), **options):
    file = h5py.File(folder / name, "w", **options)
    for column, data in COLUMNS.items():
        if column not in without:
            file.create_dataset(column, data=data)
    return file


# A user block, as MATLAB's files have one; with the old and with the new superblock.
create("user_block.hdf5", userblock_size=512).close()
create("user_block_latest.hdf5", userblock_size=1024, libver="latest").close()

# Links: soft ones to columns, to a group, through a group and relative; external ones to columns and to a group. Old
# groups keep soft links in a symbol table.
create("parts/all.hdf5").close()
for version in ["earliest", "latest"]:
    with h5py.File(folder / f"soft_links_{version}.hdf5", "w", libver=version) as file:
        for column, data in COLUMNS.items():
            file.create_dataset(f"kept/here/{column}", data=data)
            if column != "infos/goal":
                file[column] = h5py.SoftLink(f"/again/{column}")
        file["again"] = h5py.SoftLink("kept/here")
        file["infos"] = h5py.SoftLink("/kept/./here/infos")
with h5py.File(folder / "external_links.hdf5", "w") as file:
    for column in COLUMNS:
        if column != "infos/goal":
            file[column] = h5py.ExternalLink("parts/all.hdf5", column)
    file["infos"] = h5py.ExternalLink("parts/all.hdf5", "/infos")
    # Nothing that is read: it may lead nowhere.
    file["metadata"] = h5py.ExternalLink("parts/all.hdf5", "/metadata")

# Links that lead nowhere, or in a circle.
for name, column, link in [
    ("soft_dangling", "timeouts", h5py.SoftLink("/nowhere/timeouts")),
    ("external_file_missing", "timeouts", h5py.ExternalLink("parts/missing.hdf5", "/timeouts")),
    ("external_object_missing", "infos", h5py.ExternalLink("parts/all.hdf5", "/info")),
    ("circle", "observations", h5py.SoftLink("/observations")),
]:
    with create(f"{name}.hdf5", without=[column, "infos/goal"] if column == "infos" else [column]) as file:
        file[column] = link

# Ways to store that are refused: a virtual data set, external storage, a filter that is not here.
with create("virtual.hdf5", without=["actions"]) as file:
    layout = h5py.VirtualLayout((60, 2), np.float32)
    layout[:] = h5py.VirtualSource("parts/all.hdf5", "actions", (60, 2))
    file.create_virtual_dataset("actions", layout)
with create("external_storage.hdf5", without=["rewards"]) as file:
    # HDF5 takes the name from the working directory on; nobody reads it here.
    file.create_dataset("rewards", data=COLUMNS["rewards"], external=[("d4rl/parts/rewards.raw", 0, 240)])
os.remove(folder / "parts/rewards.raw")
with create("zstandard.hdf5", without=["rewards"]) as file:
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((60,))
    # Optional, so that HDF5 accepts it without having it.
    creation.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (3,))
    rewards = h5py.h5d.create(file.id, b"rewards", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((60,)), creation)
    rewards.write_direct_chunk((0,), b"not for us")
with create("optional_filter.hdf5", without=["rewards"]) as file:
    # The same filter, left out of the only chunk.
    rewards = h5py.h5d.create(file.id, b"rewards", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((60,)), creation)
    rewards.write(h5py.h5s.ALL, h5py.h5s.ALL, COLUMNS["rewards"])

# Rows that nobody wrote, in both kinds of chunk index; and flags that nobody wrote.
for version in ["earliest", "latest"]:
    with create(f"never_written_{version}.hdf5", without=["actions"], libver=version) as file:
        actions = file.create_dataset("actions", (40, 2), np.float32, chunks=(10, 1), maxshape=(None, 2))
        actions[:] = COLUMNS["actions"][:40]
        actions.resize((60, 2))
with create("flags_never_written.hdf5", without=["terminals"]) as file:
    file.create_dataset("terminals", (60,), bool)

# A writer that dies: it has the file open, and the last rows are not written.
DIES = f"""
import os, h5py, numpy as np
file = h5py.File("{folder}/left_open.hdf5", "w", libver="latest")
for column, width in [("observations", 4), ("actions", 2), ("rewards", 1), ("terminals", 1)]:
    shape = (None, width) if width > 1 else (None,)
    data = file.create_dataset(column, (40, *shape[1:]), np.float32, chunks=(20, *shape[1:]), maxshape=shape)
    data[:] = 1
file.swmr_mode = True
for column in file.values():
    column.resize(60, 0)
    column.flush()
os._exit(1)
"""
subprocess.run([sys.executable, "-c", DIES])
