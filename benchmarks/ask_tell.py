"""What `ask_tell` costs beside the bare loop of a package, per evaluation, on one core.

    python benchmarks/ask_tell.py [--seconds 2] [--turns 5] [--optimizers pycma,nevergrad]

The network is 30-32-1 on breast_cancer (1,025 weights), all weights are searched, and all rows judge. The bare loop
asks, calls ``problem.loss`` for the whole population, and tells; "one by one" calls it for each member, as a user's own
function is called. Ours is the trainer's step: the same optimiser, seed and rows, the members judged in blocks, the
best so far judged besides, and the optimiser kept so that the fit could be resumed. Medians over turns in which the
loops follow each other, in milliseconds per evaluation.
"""

import argparse
import time
import warnings

import numpy as np
from bpfree_optimisers.adapters import factory
from bpfree_optimisers.ask_tell import AskTell
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale

from sklearn_bpfree.nn.losses import BinaryLogLoss
from sklearn_bpfree.plugin import Network, Problem, one_blas_thread

MEMBERS = 50


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--optimizers", default="pycma,nevergrad")
    options = parser.parse_args()
    print("optimizer       bare   one by one   ask_tell   ask_tell / bare")
    for optimizer in options.optimizers.split(","):
        turns = [[loop(optimizer, options.seconds) for loop in (bare, one_by_one, ours)] for _ in range(options.turns)]
        whole, single, mine = np.median(turns, axis=0)
        ratio = np.median([turn[2] / turn[0] for turn in turns])
        print(f"{optimizer:12} {whole:7.3f} {single:12.3f} {mine:10.3f} {ratio:12.2f}", flush=True)


def make():
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X).astype(np.float32)
    return Problem(X, y[:, None].astype(np.float32), Network((30, 32, 1)), BinaryLogLoss(), batch_size=len(X))


def bare(optimizer, seconds, by_one=False):
    problem = make()
    unit = problem.network.fan_in_scale(np.float64)
    x0 = problem.network.initial_weights(np.random.default_rng(0), np.float32) / unit
    strategy = factory(optimizer)(x0, 0.3, 0, MEMBERS)

    def generation():
        asked = strategy.ask()
        population = (np.asarray(asked) * unit).astype(np.float32)
        losses = np.array([problem.loss(w) for w in population]) if by_one else problem.loss(population)
        strategy.tell(asked, losses)

    return per_evaluation(generation, seconds)


def one_by_one(optimizer, seconds):
    return bare(optimizer, seconds, by_one=True)


def ours(optimizer, seconds):
    trainer, problem = AskTell(optimizer=optimizer, population_size=MEMBERS, readout="evolved"), make()
    state = [trainer.init(problem, np.random.default_rng(0))]

    def generation():
        state[0] = trainer.step(state[0], problem, np.random.default_rng(1))

    return per_evaluation(generation, seconds)


def per_evaluation(generation, seconds):
    """Milliseconds of CPU time per member."""
    generation()
    count, begin = 0, time.process_time()
    while time.process_time() - begin < seconds:
        generation()
        count += 1
    return 1e3 * (time.process_time() - begin) / count / MEMBERS


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with one_blas_thread():
        main()
