"""Draws how cost grows: `diar bench --scaling --json > scaling.json`, then `plot.py scaling.json [FOLDER]`.

Log-log, with a dotted line through the slowest point: time in proportion to the swept number, or to the square of a
width. Where theory holds, the curve lies on it. The folder is docs/ unless given.
"""

import json
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

# Text stays text, and the same numbers give the same file.
plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "diar", "font.family": "sans-serif", "font.size": 11})
# Told apart by those who do not see all colours, too.
COLOURS, MARKERS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"], "osD^v"

# File, title, swept field, its name, and which rows belong there.
PLOTS = [
    (
        "scaling-decision.svg",
        "One decision",
        [
            ("candidates", "candidates n", ["decision"]),
            ("steps", "sampler steps", ["decision"]),
            ("lanes", "environments in lockstep", ["decision"]),
        ],
    ),
    (
        "scaling-training.svg",
        "One training step",
        [
            ("batch", "batch", ["vae_step", "denoiser_step", "critic_step"]),
            ("width", "width", ["vae_step", "denoiser_step", "critic_step"]),
        ],
    ),
]
LABELS = {"vae_step": "VAE", "denoiser_step": "denoiser", "critic_step": "critic"}
FIELDS = ["candidates", "steps", "lanes", "batch", "width"]


def read(path):
    """Rows; of a decision, `batch` is the number of environments in lockstep."""
    rows = json.loads(pathlib.Path(path).read_text())
    for row in rows:
        if row["name"] == "decision" and "batch" in row:
            row["lanes"] = row.pop("batch")
    return rows


def curves(rows, swept, names):
    """`{name: [(swept, ms)]}` of the longest sweep of each name in which nothing else changes."""
    found = {}
    for name in names:
        groups = {}
        for row in rows:
            if row["name"] == name and row.get(swept) is not None:
                rest = tuple(row.get(field) for field in FIELDS if field != swept)
                groups.setdefault(rest, {})[row[swept]] = row["median_ms"]
        longest = max(groups.values(), key=len, default={})
        if len(longest) > 1:
            found[name] = sorted(longest.items())
    return found


def draw(axes, swept, label, found):
    for (name, points), colour, marker in zip(found.items(), COLOURS, MARKERS):
        x, y = zip(*points)
        power = 2 if swept == "width" else 1
        axes.plot(x, [y[-1] * (x_i / x[-1]) ** power for x_i in x], color=colour, linewidth=0.8, linestyle=":")
        axes.plot(x, y, color=colour, marker=marker, markersize=4.5, label=LABELS.get(name, name))
    axes.set(xscale="log", yscale="log", xlabel=label)
    # The sweeps' own numbers as ticks, as many as fit.
    ticks = sorted({x for points in found.values() for x, _ in points})
    axes.set_xticks(ticks[:: -(-len(ticks) // 7)], labels=[f"{x:g}" for x in ticks[:: -(-len(ticks) // 7)]])
    axes.minorticks_off()
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axes.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda y, _: f"{y:g}"))
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if found.keys() != {"decision"}:
        axes.legend(frameon=False)


def main():
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    rows = read(sys.argv[1])
    folder = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else pathlib.Path(__file__).resolve().parents[2] / "docs"
    for file, title, panels in PLOTS:
        panels = [(swept, label, found) for swept, label, names in panels if (found := curves(rows, swept, names))]
        if not panels:
            print(f"{file}: not drawn, the rows hold no sweep for it", file=sys.stderr)
            continue
        size = (3.9 * len(panels), 3.6)
        figure, all_axes = plt.subplots(1, len(panels), figsize=size, squeeze=False, layout="constrained")
        for axes, panel in zip(all_axes[0], panels):
            draw(axes, *panel)
        all_axes[0][0].set_ylabel(f"{title}, ms")
        # A white ground of its own: the page around it may be dark.
        figure.savefig(folder / file, facecolor="white", metadata={"Date": None, "Creator": None})
        plt.close(figure)
        print(folder / file)


if __name__ == "__main__":
    main()
