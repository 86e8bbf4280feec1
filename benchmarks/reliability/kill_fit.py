"""Kill the process of a fit at random moments, run it again until it ends: the bits are those of an undisturbed fit.

    OMP_NUM_THREADS=1 python benchmarks/reliability/kill_fit.py [--kills 50] [--seed 0] [--trainers dfa,ladder,...]

Each process fits with a `Checkpoint` that writes after every step, and is killed by SIGKILL at a random moment, in the
middle of a write as well. The next one goes on. A fit fails if it ends with other bits, does not end, raises, takes
more than one step again for a kill, or leaves a file behind. Prints a line per trainer: kills, processes, failures, and
how many steps had to be taken again for each kill.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TRAINERS = "dfa,ladder,noprop,enkf,eki,open_es,snes,rvfl,predictive_coding,target_propagation"
SECONDS = 120  # longest process that does not count as hanging
CHILD = r"""
import sys, warnings, hashlib
import numpy as np
from sklearn.datasets import make_classification
from sklearn_bpfree import BPFreeClassifier, Checkpoint
warnings.simplefilter("ignore")
class Steps:
    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...
    def on_fit_task_end(self, estimator, context):
        if context.task_name == "step":
            print("step", flush=True)
X, y = make_classification(600, 12, n_informative=6, n_classes=3, random_state=0)
callbacks = [Steps()] + ([Checkpoint(sys.argv[2], 0)] if len(sys.argv) > 2 else [])
print("begin", flush=True)
model = BPFreeClassifier((32,), trainer=sys.argv[1], max_iter=30, random_state=0).set_callbacks(*callbacks).fit(X, y)
print("end", hashlib.sha256(model.predict_proba(X).tobytes()).hexdigest(), model.n_iter_, flush=True)
"""


def run(trainer, path=None, seconds=None):
    """Lines that a process printed, and whether it was killed, so many seconds after its fit began."""
    argv = [sys.executable, "-c", CHILD, trainer, *([str(path)] if path else [])]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        killed = False
        if seconds is not None:
            time.sleep(seconds)
            killed = process.poll() is None
            os.kill(process.pid, signal.SIGKILL) if killed else None
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            return ["hang"], False, err
    return [first.strip(), *out.split("\n")], killed, err


def main():
    """Kill and count."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trainers", default=TRAINERS)
    args = parser.parse_args()
    rng, names, failures = random.Random(args.seed), args.trainers.split(","), 0
    for trainer in names:
        begin = time.perf_counter()
        lines, _, _ = run(trainer)
        expected = next(line for line in lines if line.startswith("end"))
        n_steps = lines.count("step")
        begin = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            run(trainer, Path(folder) / "run.ckpt")
        usual = max(0.05, time.perf_counter() - begin - 1.5)  # without imports, roughly
        kills, processes, wrong, again = 0, 0, [], []
        while kills < args.kills / len(names):
            with tempfile.TemporaryDirectory() as folder:
                path, taken, in_fit, ended = Path(folder) / "run.ckpt", 0, 0, False
                while not ended:
                    wants = kills + in_fit < args.kills / len(names) and in_fit < 4
                    seconds = rng.uniform(0, usual) if wants else None
                    lines, killed, err = run(trainer, path, seconds)
                    processes, taken, in_fit = processes + 1, taken + lines.count("step"), in_fit + killed
                    ended = not killed
                found = next((line for line in lines if line.startswith("end")), f"{lines[-3:]} {err[-300:]}")
                wrong += [f"other end: {found}"] if found != expected else []
                wrong += [f"{taken} steps for {in_fit} kills"] if not n_steps <= taken <= n_steps + in_fit else []
                wrong += ["a file is left"] if os.listdir(folder) else []
                kills += in_fit
                again += [taken - n_steps] if in_fit else []
        failures += len(wrong)
        mean = sum(again) / max(kills, 1)
        print(
            f"{trainer:20} {kills:3} kills of {processes:3} processes, {len(wrong)} failures {json.dumps(wrong[:3])}, "
            f"{mean:+.2f} steps a kill",
            flush=True,
        )
    print(f"{failures} failures")
    return failures > 0


if __name__ == "__main__":
    raise SystemExit(main())
