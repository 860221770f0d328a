"""PyTorch beside `diar bench`: `diar bench --rival "python tests/rivals/pytorch.py"`.

One JSON request per line on standard input, one answer per line on standard output; `native/src/bench/` asks.
`pytorch.py --check` holds what is measured here against the plain networks and the recorded golden numbers.
"""

import json
import os
import pathlib
import sys
import time

# Compilation beside a measurement would disturb it.
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "golden"))

import torch

from cases import CASES, VARIANTS, Refused

# Repetitions before the measured ones, and when to be content with fewer, in seconds; the first one compiles.
WARM_UP, ENOUGH = 3, 2.0


class Rival:
    """Prepared cases, and the answers to requests."""

    def __init__(self):
        self.prepared = {}

    def answer(self, request):
        if "hello" in request:
            return {"name": f"PyTorch {torch.__version__.split('+')[0]}", "variants": VARIANTS}
        seconds, repeat = request.get("seconds", 0.3), self.case(request)
        times, begin = [], time.perf_counter()
        while not times or time.perf_counter() - begin < seconds:
            start = time.perf_counter()
            repeat()
            times.append(1000 * (time.perf_counter() - start))
        return {"ms": times}

    def case(self, request):
        name, variant = request.get("case"), request.get("variant")
        if variant not in VARIANTS.get(name, ()):
            raise Refused(f"no case {name!r} in variant {variant!r}: there are {VARIANTS}")
        torch.set_num_threads(request.get("threads", 1))
        key = json.dumps({name: value for name, value in request.items() if name != "seconds"}, sort_keys=True)
        if key not in self.prepared:
            torch.manual_seed(0)
            repeat = self.prepared[key] = CASES[name](request, variant).repeat
            repeat()
            begin, count = time.perf_counter(), 1
            while count < WARM_UP and time.perf_counter() - begin < ENOUGH:
                repeat()
                count += 1
        return self.prepared[key]


def serve():
    # Whatever compilers and libraries print goes to standard error; the protocol has the line to itself.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    rival = Rival()
    for line in sys.stdin:
        try:
            answer = rival.answer(json.loads(line))
        except Refused as error:
            answer = {"error": str(error)}
        except KeyError as error:
            answer = {"error": f"the request lacks {error}"}
        except Exception as error:  # The asker must hear of it, whatever it is.
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        from check import check

        sys.exit(check())
    if sys.argv[1:]:
        sys.exit(__doc__)
    serve()
