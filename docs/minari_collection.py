"""Shared by the scripts here that collect data with Minari: their options, and the data set's folder."""

import argparse
import os
import pathlib
import warnings


def options(doc, episodes, name):
    """A parser of the options that all of them have."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=episodes)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", metavar="FOLDER", default="datasets", help="folder of Minari's data sets")
    parser.add_argument("--name", default=name, help="the data set's name there")
    parser.add_argument("--format", choices=["hdf5", "arrow", "parquet"], default="hdf5", help="Arrow and Parquet need minari[arrow]")
    return parser


def recorder(env, args):
    """The environment, recorded for a data set, and the folder that this will have."""
    folder = pathlib.Path(args.out) / args.name
    if folder.exists():
        raise SystemExit(f"error: {folder} is there already")
    # Minari has no other way to say where data sets go, and reads it when it is imported.
    os.environ["MINARI_DATASETS_PATH"] = str(pathlib.Path(args.out).resolve())
    import minari

    # Minari wants to know about authors and permalinks.
    warnings.filterwarnings("ignore", category=UserWarning)
    return minari.DataCollector(env, data_format=args.format), folder


def seed(rng):
    """Seed of a start. It is none of those that any_simulator.py takes, which are small numbers."""
    return int(rng.integers(2**31, 2**32))


def best_tenth(returns):
    """The best tenth of them, at least one."""
    return sorted(returns)[-max(1, len(returns) // 10):]
