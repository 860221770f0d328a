"""Reads the events of a run by TensorBoard's own reader and compares them with its metrics.jsonl: `events_in_python.py RUN`."""

import json
import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = pathlib.Path(sys.argv[1])
logged = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
# Steps are counted through all stages; the last of each is logged.
last = {}
for line in logged:
    last[line["stage"]] = line["step"]
before = {stage: sum(list(last.values())[:i]) for i, stage in enumerate(last)}
expected = {}
for line in logged:
    stage, step = line.pop("stage"), line.pop("step")
    line.pop("elapsed_seconds")
    for name, value in line.items():
        expected.setdefault(f"{stage}/{name}", {})[before[stage] + step] = value

events = EventAccumulator(str(run), size_guidance={"scalars": 0})
events.Reload()
found = {tag: {event.step: event.value for event in events.Scalars(tag)} for tag in events.Tags()["scalars"]}
assert found.keys() == expected.keys(), (sorted(found), sorted(expected))
for tag, steps in expected.items():
    assert found[tag].keys() == steps.keys(), (tag, sorted(found[tag]), sorted(steps))
    for step, value in steps.items():
        assert abs(found[tag][step] - value) <= 1e-6 * max(1.0, abs(value)), (tag, step, found[tag][step], value)
print(f"{len(found)} scalars of {sum(len(steps) for steps in found.values())} steps")
