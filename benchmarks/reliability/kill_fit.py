"""Kill the process of a fit at random moments, run it again until it ends: the bits are those of an undisturbed fit.

    OMP_NUM_THREADS=1 python benchmarks/reliability/kill_fit.py [--kills 50] [--seed 0] [--trainers dfa,ladder,...]

Each process, forked from one that has imported the libraries, fits with a `Checkpoint` that writes after every step,
and is killed by SIGKILL at a random moment, in the middle of a write as well. The next one goes on. A fit fails if it
ends with other bits, does not end, raises, takes more than one step again for a kill, or leaves a file behind. Prints a
line per trainer: kills, processes, failures, and how many steps had to be taken again for each kill.
"""

import argparse
import hashlib
import os
import random
import select
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from sklearn.datasets import make_classification

from sklearn_bpfree import BPFreeClassifier, Checkpoint

TRAINERS = "dfa,ladder,noprop,enkf,eki,open_es,snes,rvfl,predictive_coding,target_propagation"
STEPS = 40
SECONDS = 120  # longest process that does not count as hanging
X, y = make_classification(600, 12, n_informative=6, n_classes=3, random_state=0)


class Says:
    """A callback that tells the other end of a pipe of every step."""

    def __init__(self, pipe):
        self.pipe = pipe

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "step":
            os.write(self.pipe, b"step\n")


def fit(pipe, trainer, path):
    """What a process does."""
    warnings.simplefilter("ignore")
    callbacks = [Says(pipe), *([Checkpoint(path, 0)] if path else [])]
    model = BPFreeClassifier((32,), trainer=trainer, max_iter=STEPS, tol=0, n_iter_no_change=STEPS, random_state=0)
    model.set_callbacks(*callbacks).fit(X, y)
    os.write(pipe, f"end {hashlib.sha256(model.predict_proba(X).tobytes()).hexdigest()} {model.n_iter_}\n".encode())


def run(trainer, path=None, seconds=None):
    """Lines that a process said, and whether it was killed, so many seconds after its beginning."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            fit(writing, trainer, path)
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {error}\n".encode())
        os._exit(0)
    os.close(writing)
    begin, said, killed = time.monotonic(), b"", False
    end = SECONDS if seconds is None else seconds
    while True:
        ready, _, _ = select.select([reading], [], [], max(0, begin + end - time.monotonic()))
        if ready:
            if not (part := os.read(reading, 1 << 16)):
                break
            said += part
        elif killed:
            break
        else:
            os.kill(child, signal.SIGKILL)
            killed, end = True, end + 5
    os.close(reading)
    os.waitpid(child, 0)
    lines = said.decode().splitlines()
    return [*lines, "hang"] if killed and seconds is None else lines, killed and not lines[-1:] == ["end"]


def main():
    """Kill and count."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trainers", default=TRAINERS)
    args = parser.parse_args()
    rng, names, failures = random.Random(args.seed), args.trainers.split(","), 0
    for trainer in names:
        lines, _ = run(trainer)
        expected, n_steps = lines[-1], lines.count("step")
        with tempfile.TemporaryDirectory() as folder:
            begin = time.monotonic()
            run(trainer, Path(folder) / "run.ckpt")
            usual = time.monotonic() - begin
        kills, processes, wrong, again = 0, 0, [], 0
        while kills < args.kills / len(names) and len(wrong) < 9:
            with tempfile.TemporaryDirectory() as folder:
                path, taken, of_fit, ended, end = Path(folder) / "run.ckpt", 0, 0, False, ""
                while not ended:
                    wants = of_fit < 3 and kills + of_fit < args.kills / len(names)
                    lines, killed = run(trainer, path, rng.uniform(0, 0.5 * usual) if wants else None)
                    processes, taken, of_fit = processes + 1, taken + lines.count("step"), of_fit + killed
                    end = lines[-1] if lines else ""
                    ended = not killed or end.startswith("end")
                    if not ended and taken >= n_steps and not path.exists():
                        taken = 0  # it had ended, and only its result is lost, which nobody had kept yet
                wrong += [f"another end: {end}"] if end != expected else []
                wrong += [f"{taken} steps after {of_fit} kills"] if not n_steps <= taken <= n_steps + of_fit else []
                wrong += [f"left: {left}"] if (left := os.listdir(folder)) else []
                kills, again = kills + of_fit, again + taken - n_steps
        failures += len(wrong)
        print(
            f"{trainer:20} {kills:3} kills of {processes:3} processes, {len(wrong)} failures {wrong[:3]}, "
            f"{again / max(kills, 1):.2f} steps again for a kill, {usual:.2f} s without one",
            flush=True,
        )
    print(f"{failures} failures")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
