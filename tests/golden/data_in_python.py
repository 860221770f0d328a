"""Reads a file of `diar data generate` with h5py as D4RL's loader does, and holds it against `diar data inspect --json`.

    python data_in_python.py FILE < INSPECTION
"""

import hashlib
import json
import struct
import sys

import h5py
import numpy as np

found = json.load(sys.stdin)
columns = {}


def visit(name, item):
    if isinstance(item, h5py.Dataset):
        columns[name] = item[:]


# D4RL's get_dataset: every data set under its path, whole.
with h5py.File(sys.argv[1]) as file:
    file.visititems(visit)

rows = found["rows"]
shapes = {name: (column.shape, column.dtype.str) for name, column in columns.items()}
# Numbers in a state and an action, and positions in a state: Maze2D's or AntMaze's.
state, action, positions = (4, 2, 2) if found["state_dim"] == 4 else (29, 8, 15)
expected = {
    "actions": ((rows, action), "<f4"),
    "infos/goal": ((rows, 2), "<f4"),
    "infos/qpos": ((rows, positions), "<f4"),
    "infos/qvel": ((rows, state - positions), "<f4"),
    "observations": ((rows, state), "<f4"),
    "rewards": ((rows,), "<f4"),
    "terminals": ((rows,), "|b1"),
    "timeouts": ((rows,), "|b1"),
}
assert shapes == expected, shapes
states = np.concatenate([columns["infos/qpos"], columns["infos/qvel"]], 1)
if state == 4:
    assert (states == columns["observations"]).all()
else:
    # AntMaze's are those after the step, which the next row observes unless another walk begins there.
    goes_on = ~columns["timeouts"][:-1]
    assert (states[:-1][goes_on] == columns["observations"][1:][goes_on]).all()
    assert (states[:-1][~goes_on] != columns["observations"][1:][~goes_on]).any(1).all()

# D4RL's sequence_dataset: a segment per timeout, the rest left over. AntMaze's terminals mark its goal and end nothing.
past = found["past_terminals"]
ends = np.flatnonzero(columns["timeouts"] if past else columns["timeouts"] | columns["terminals"])
lengths = np.diff(np.concatenate([[-1], ends]))
assert found["segments"] == len(ends)
told = found["segment_lengths"]
assert [told["min"], told["max"]] == [lengths.min(), lengths.max()], told
for name, values in ("states", columns["observations"]), ("actions", columns["actions"]):
    for number, told in enumerate(found[name]):
        column = values[:, number].astype(np.float64)
        assert np.allclose([told["mean"], told["sd"]], [column.mean(), column.std()], atol=1e-9), (name, number)
        # In single precision, as they are written.
        assert np.float32([told["min"], told["max"]]).tolist() == [column.min(), column.max()], (name, number)

digest = hashlib.sha256(b"diar transitions 1\n" + struct.pack("<3Q", rows, state, action))
for name in "observations", "actions", "rewards", "infos/goal":
    digest.update(struct.pack("<Q", columns[name].size) + columns[name].tobytes())
for name in "terminals", "timeouts":
    digest.update(columns[name].tobytes())
if not found["continuous"]:
    digest.update(b"episodes\n")
if past:
    digest.update(b"past terminals\n")
assert digest.hexdigest() == found["sha256"]
print(f"{rows} rows in {len(ends)} segments, every number as in the program: sha256 {found['sha256']}")
