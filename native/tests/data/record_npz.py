"""Records npz/: plain arrays as numpy stores them: the 60 rows of record_d4rl.py in every order and type of number, and
archives that are refused.

    pip install -r requirements.txt && python record_npz.py

The tests compute the same numbers from their row and column.
"""

import pathlib

import numpy as np

folder = pathlib.Path("npz")
folder.mkdir(exist_ok=True)
few = np.arange(60)
COLUMNS = {
    "observations": (few[:, None] + 0.25 * np.arange(4)).astype(np.float32),
    "actions": np.stack([few / 64, -few / 64], 1).astype(np.float32),
    "rewards": (few % 7 == 0).astype(np.float32),
    "terminals": few % 30 == 29,
    "timeouts": few % 10 == 9,
}


def save(name, compressed=True, without=(), **changes):
    columns = {column: data for column, data in (COLUMNS | changes).items() if column not in without}
    (np.savez_compressed if compressed else np.savez)(folder / f"{name}.npz", **columns)


save("plain", compressed=False)
save("deflated")
# Columns one after the other instead of rows, big-endian, double precision, (N, 1); and arrays that nobody reads.
save(
    "column_major",
    observations=np.asfortranarray(COLUMNS["observations"]),
    actions=np.asfortranarray(COLUMNS["actions"].astype(">f8")),
    rewards=COLUMNS["rewards"].astype(np.float64)[:, None],
    terminals=np.asfortranarray(COLUMNS["terminals"][:, None]),
    infos=np.array([b"none"]),
    version=np.array(3),
)
# The same without timeouts, and half a million rows that take a few kilobytes.
save("without_timeouts", without=["timeouts"])
many = 500_000
save(
    "long",
    observations=np.zeros((many, 4), dtype=np.float32),
    actions=np.zeros((many, 2), dtype=np.float32),
    rewards=np.zeros(many, dtype=np.int8),
    terminals=np.zeros(many, dtype=bool),
    timeouts=np.zeros(many, dtype=bool),
)

# Three walks of 70 rows around the corridor of the U-maze, in OGBench's form.
turn = np.linspace(0, 3 * np.pi, 210)
save(
    "walks",
    without=["rewards", "timeouts"],
    observations=np.stack([2 + np.cos(turn), 2 + np.sin(turn), -np.sin(turn), np.cos(turn)], 1).astype(np.float32),
    actions=np.stack([np.sin(5 * turn), np.cos(5 * turn)], 1).astype(np.float32),
    terminals=np.arange(210) % 70 == 69,
)

# Every type of number, a few in each file.
FLOATS = ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"]
INTEGERS = ["|i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8"]
FLAGS = ["|b1", "|u1", "<u2", ">u2", "<u4", ">u4", "<u8", ">u8"]
for k, flag in enumerate(FLAGS):
    save(
        f"kinds_{k}",
        observations=COLUMNS["observations"].astype(FLOATS[k % 6]),
        actions=COLUMNS["actions"].astype(FLOATS[(k + 3) % 6]),
        rewards=COLUMNS["rewards"].astype(INTEGERS[k % 7]),
        terminals=COLUMNS["terminals"].astype(flag),
    )

# What is refused.
save("no_rewards", without=["rewards"])
save("no_actions", without=["actions"])
save("short_actions", actions=COLUMNS["actions"][:59])
save("objects", rewards=np.array([None] * 60, dtype=object))
save("text", rewards=few.astype(str))
save("complex", rewards=COLUMNS["rewards"].astype(np.complex64))
save("records", rewards=np.zeros(60, dtype=[("reward", "<f4")]))
# Extended precision here, quadruple precision elsewhere, by the same name.
save("long_double", rewards=COLUMNS["rewards"].astype("<f16"))
save("images", observations=np.zeros((60, 8, 8, 3), dtype=np.uint8))
save("scalar", rewards=np.array(1.0))
save("empty", **{column: data[:0] for column, data in COLUMNS.items()})
save("not_a_number", actions=np.where(few[:, None] == 7, np.nan, COLUMNS["actions"]))
save("infinite", rewards=np.where(few == 5, np.inf, COLUMNS["rewards"]))
save("outside", actions=2 * COLUMNS["actions"])
