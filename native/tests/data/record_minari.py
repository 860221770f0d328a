"""Records minari/: a small data set as Minari stores mazes, with h5py; data sets with episodes that were added later, with
totals that are wrong, and with every class of numbers and every way to store them, an episode each.

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


# Episodes that were added later, as Minari before 0.5 stored them: links to another file. And data sets whose totals, in
# attributes, tell of more than there is.
def episode(parent, name, steps, first):
    group = parent.create_group(name)
    group.attrs.update({"id": first, "total_steps": steps})
    rows = np.arange(steps + 1, dtype=np.float64)
    group.create_dataset("observations", data=100.0 * first + rows[:, None] + 0.25 * np.arange(4))
    group.create_dataset("actions", data=np.stack([rows[:-1], -rows[:-1]], 1))
    group.create_dataset("rewards", data=rows[:-1])
    group.create_dataset("terminations", data=np.zeros(steps, dtype=bool))
    group.create_dataset("truncations", data=rows[:-1] == steps - 1)
    return group


def data_set(name):
    folder = pathlib.Path(f"minari/{name}/data")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


folder = data_set("added-v0")
with h5py.File(folder / "additional_data_0.hdf5", "w") as file:
    for k, steps in enumerate([4, 2, 6]):
        episode(file, f"episode_{k}", steps, 2 + k)
    file.attrs.update({"total_episodes": 3, "total_steps": 12})
with h5py.File(folder / "main_data.hdf5", "w") as file:
    for k, steps in enumerate([3, 5]):
        episode(file, f"episode_{k}", steps, k)
    for k in range(3):
        file[f"episode_{2 + k}"] = h5py.ExternalLink("additional_data_0.hdf5", f"/episode_{k}")
    file.attrs.update({"total_episodes": 5, "total_steps": 20})
for name, totals in [
    ("episodes-missing-v0", {"total_episodes": 3, "total_steps": 8}),
    ("steps-missing-v0", {"total_episodes": 2, "total_steps": 9}),
    ("steps-cut-v0", {}),
]:
    with h5py.File(data_set(name) / "main_data.hdf5", "w") as file:
        for k, steps in enumerate([3, 5]):
            group = episode(file, f"episode_{k}", steps, k)
        file.attrs.update(totals)
        if not totals:
            group.attrs["total_steps"] = 7
# An episode whose observations are a link inside a group, to nothing.
with h5py.File(data_set("observation-dangling-v0") / "main_data.hdf5", "w") as file:
    group = episode(file, "episode_0", 3, 0)
    del group["observations"]
    group.create_group("observations")["observation"] = h5py.SoftLink("/elsewhere")

# Every class of numbers: the same episode, stored as each.
signed = np.array([[0, 1, -2, 3], [4, -5, 6, 7], [-8, 9, 10, 11]])
flags = np.array([0, 1])


def custom(base, **changes):
    kind = base.copy()
    for name, arguments in changes.items():
        getattr(kind, name)(*arguments)
    return kind


KINDS = [
    *[np.dtype(order + kind + size) for order in "<>" for kind, size in
      [("i", "1"), ("i", "2"), ("i", "4"), ("i", "8"), ("f", "2"), ("f", "4"), ("f", "8")]],
    np.dtype(np.longdouble),
    # Integers of three bytes, of 12 bits in two bytes, four bits up; bfloat16; floats of three bytes.
    custom(h5py.h5t.STD_I32LE, set_size=(3,)),
    custom(h5py.h5t.STD_I16BE, set_precision=(12,), set_offset=(4,)),
    custom(h5py.h5t.IEEE_F32LE, set_fields=(15, 7, 8, 0, 7), set_size=(2,), set_ebias=(127,)),
    custom(h5py.h5t.IEEE_F32BE, set_fields=(23, 15, 8, 0, 15), set_size=(3,)),
]
FLAGS = [
    np.dtype(bool),
    *[np.dtype(order + "u" + size) for order in "<>" for size in "1248"],
    # Bits, as PyTables has booleans.
    h5py.h5t.STD_B8LE,
    h5py.h5t.STD_B16BE,
]


def write(group, name, kind, data):
    """Stores data as a type of numpy's or of HDF5's."""
    if isinstance(kind, np.dtype):
        group.create_dataset(name, data=data.astype(kind))
        return
    space = h5py.h5s.create_simple(data.shape)
    stored = h5py.h5d.create(group.id, name.encode(), kind, space)
    if kind.get_class() == h5py.h5t.BITFIELD:
        # HDF5 converts no integers to bits.
        size = kind.get_size()
        order = ">" if kind.get_order() == h5py.h5t.ORDER_BE else "<"
        bits = custom(h5py.h5t.STD_B8LE if size == 1 else h5py.h5t.STD_B16BE)
        stored.write(h5py.h5s.ALL, h5py.h5s.ALL, data.astype(f"{order}u{size}"), bits)
        return
    stored.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(data.astype(np.float64)))


with h5py.File(data_set("numbers-v0") / "main_data.hdf5", "w") as file:
    for k in range(max(len(KINDS), len(FLAGS)) + 1):
        group = file.create_group(f"episode_{k}")
        if k == max(len(KINDS), len(FLAGS)):
            # A list in each row.
            lists = np.zeros(3, dtype=[("list", "<i2", (4,))])
            stored = h5py.h5d.create(
                group.id, b"observations", h5py.h5t.array_create(h5py.h5t.STD_I16LE, (4,)), h5py.h5s.create_simple((3,))
            )
            stored.write(h5py.h5s.ALL, h5py.h5s.ALL, signed.astype("<i2"), h5py.h5t.array_create(h5py.h5t.STD_I16LE, (4,)))
        else:
            write(group, "observations", KINDS[k % len(KINDS)], signed)
        write(group, "actions", KINDS[(k + 7) % len(KINDS)], signed[:2, 1:3])
        write(group, "rewards", FLAGS[(k + 3) % len(FLAGS)], flags)
        write(group, "terminations", FLAGS[k % len(FLAGS)], flags)
        write(group, "truncations", FLAGS[(k + 5) % len(FLAGS)], 0 * flags)

# Every way to store: filters, layouts, and chunk indices of the old and the new version; the same 50 steps each.
rows = np.arange(51)
OPTIONS = [
    {},
    {"chunks": True},
    {"compression": "gzip"},
    {"compression": "lzf"},
    {"compression": "lzf", "shuffle": True, "fletcher32": True},
    {"compression": "gzip", "shuffle": True, "fletcher32": True, "maxshape": True},
    {"compression": "szip"},
    {"scaleoffset": 4},
    {"chunks": 7, "maxshape": True},
    {"chunks": 7, "maxshape": True, "unlimited": True},
    {"compact": True},
]
for version in ["earliest", "latest"]:
    with h5py.File(data_set(f"storage-{version}-v0") / "main_data.hdf5", "w", libver=version) as file:
        kinds = [option for option in OPTIONS if option.get("compression") != "szip" or h5py.h5z.filter_avail(4)]
        for k, option in enumerate(kinds):
            group = file.create_group(f"episode_{k}")
            for name, data in {
                # Smooth and repeating, so that there is something to pack.
                "observations": np.stack([rows // 5, np.sin(rows / 9).round(3)], 1).astype(np.float32),
                "actions": (rows[:-1, None] % 4 / 4 - 0.5).astype(np.float32),
                "rewards": (rows[:-1] % 3 == 0).astype(np.float32),
                "terminations": np.zeros(50, dtype=bool),
                "truncations": rows[:-1] == 49,
            }.items():
                how = dict(option)
                if how.pop("compact", False):
                    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                    creation.set_layout(h5py.h5d.COMPACT)
                    kind = h5py.h5t.py_create(data.dtype, logical=True)
                    stored = h5py.h5d.create(
                        group.id, name.encode(), kind, h5py.h5s.create_simple(data.shape), creation
                    )
                    stored.write(h5py.h5s.ALL, h5py.h5s.ALL, data)
                    continue
                unlimited = how.pop("unlimited", False)
                if how.get("maxshape"):
                    how["maxshape"] = (None, None) if unlimited and data.ndim == 2 else (None, *data.shape[1:])
                if isinstance(how.get("chunks"), int) and how["chunks"] is not True:
                    how["chunks"] = (how["chunks"], *data.shape[1:])
                if data.dtype == bool:
                    how.pop("scaleoffset", None)
                group.create_dataset(name, data=data, **how)
