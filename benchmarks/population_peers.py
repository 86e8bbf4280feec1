"""The peers' own task: one hidden layer of 32, a population of 50; members per second, and scores.

    pip install evotorch pygad metaperceptron   # each is left out if it is not there
    python benchmarks/population_peers.py [--seconds 4] [--scores]

Members per second: whole generations with their updates on the whole training set, by the processor's time, each row in
a process of its own on one thread, so that none has the memory settings of another, and in turns, because machines
waver. evotorch runs its SNES on a fitness that takes the whole population in batched products, its fastest way; PyGAD
runs its genetic algorithm on a fitness of a plain numpy network; MetaPerceptron trains its own network by its genetic
algorithm. They evolve all weights, as the row "all weights" does; the other rows of ours solve for each member's output
layer besides.

--scores: accuracy or R2 of `open_es` beside scikit-learn's MLP on 30 % of the rows, means over six seeds, and the
processor's time of a fit: with its defaults, and with 20,000 evaluations (`LONG`). "six splits" draws a stratified
split for each seed; "one split" is that of random_state 0 without strata, and the seeds are those of the fits.
"""

import argparse
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import cache
from multiprocessing import get_context

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer
from sklearn_bpfree.nn.losses import LogLoss
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin.problem import Problem

P, HIDDEN = 50, 32
ROUNDS, CHUNK = 7, 5  # of all rows in turn, and generations between two looks at the clock
LONG = {
    "max_iter": 400,
    "trainer__population_size": P,
}  # and a weight decay of LONG_DECAY / rows, as so long a fit needs
LONG_DECAY = 2400


def ours(X, y, trainer, **params):
    """Generations of one of our trainers."""
    Y = np.eye(y.max() + 1, dtype=np.float32)[y]
    network = Network((X.shape[1], HIDDEN, Y.shape[1]))
    problem = Problem(X, Y, network, LogLoss(), batch_size=len(X), max_iter=1000)
    trainer = get_trainer(trainer, population_size=P, **params)
    state = trainer.init(problem, np.random.default_rng(0))

    def run(generations):
        nonlocal state
        for generation in range(generations):
            state = trainer.step(state, problem, np.random.default_rng(generation))
        return generations

    return run


def evotorch(X, y):
    """Generations of evotorch's SNES, the population in batched products."""
    import torch
    from evotorch import Problem as TorchProblem
    from evotorch.algorithms import SNES
    from evotorch.logging import Logger  # noqa: F401  (its own way of importing)

    torch.set_num_threads(1)
    d, K = X.shape[1], int(y.max()) + 1
    rows, labels = torch.tensor(X), torch.tensor(y)

    def fitness(population):
        n = len(population)
        W1, b1, W2, b2 = population.split([d * HIDDEN, HIDDEN, HIDDEN * K, K], dim=1)
        H = torch.relu(torch.baddbmm(b1[:, None], rows.expand(n, -1, -1), W1.reshape(n, d, HIDDEN)))
        Z = torch.baddbmm(b2[:, None], H, W2.reshape(n, HIDDEN, K))
        return torch.nn.functional.cross_entropy(Z.transpose(1, 2), labels.expand(n, -1), reduction="none").mean(1)

    length = d * HIDDEN + HIDDEN + HIDDEN * K + K
    problem = TorchProblem("min", fitness, solution_length=length, initial_bounds=(-0.1, 0.1), vectorized=True)
    searcher = SNES(problem, popsize=P, stdev_init=0.1)

    def run(generations):
        for _ in range(generations):
            searcher.step()
        return generations

    return run


def pygad(X, y):
    """Generations of PyGAD's genetic algorithm."""
    import pygad as module

    d, K = X.shape[1], int(y.max()) + 1
    ends = np.cumsum([d * HIDDEN, HIDDEN, HIDDEN * K])
    rows = np.arange(len(y))

    def fitness(_, solution, number):
        W1, b1, W2, b2 = np.split(solution.astype(np.float32), ends)
        Z = np.maximum(X @ W1.reshape(d, HIDDEN) + b1, 0) @ W2.reshape(HIDDEN, K) + b2
        Z -= Z.max(1, keepdims=True)
        return float((Z[rows, y] - np.log(np.exp(Z).sum(1))).mean())

    def run(generations):
        module.GA(
            num_generations=generations,
            num_parents_mating=10,
            fitness_func=fitness,
            sol_per_pop=P,
            num_genes=int(ends[-1]) + K,
            init_range_low=-0.1,
            init_range_high=0.1,
            mutation_probability=0.05,
            keep_elitism=0,
            keep_parents=0,
            suppress_warnings=True,
            random_seed=0,
        ).run()
        return generations + 1  # the first population is judged, too

    return run


def metaperceptron(X, y):
    """Generations of MetaPerceptron's genetic algorithm."""
    from metaperceptron import MhaMlpClassifier

    def run(generations):
        MhaMlpClassifier(
            hidden_layers=(HIDDEN,),
            act_names="ReLU",
            obj_name="AS",
            optim="BaseGA",
            optim_params={"epoch": generations, "pop_size": P},
            verbose=False,
            seed=0,
        ).fit(X, y)
        return generations + 1

    return run


ROWS = {
    "open_es": lambda X, y: ours(X, y, "open_es"),
    "open_es, all weights": lambda X, y: ours(X, y, "open_es", readout="evolved"),
    "open_es, full noise": lambda X, y: ours(X, y, "open_es", rank=None),
    "snes": lambda X, y: ours(X, y, "snes"),
    "mealpy BaseGA, all weights": lambda X, y: ours(X, y, "mealpy", algorithm="BaseGA", readout="evolved"),
    "genetic, all weights": lambda X, y: ours(X, y, "genetic", readout="evolved"),
    "evotorch SNES": evotorch,
    "PyGAD": pygad,
    "MetaPerceptron": metaperceptron,
}


SETS = {"breast_cancer": load_breast_cancer, "digits": load_digits}


@cache
def prepared(row, name):
    """Generations of a row on a set, some already run; or what the row lacks."""
    warnings.simplefilter("ignore")
    X, y = SETS[name](return_X_y=True)
    X, _, y, _ = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
    X = StandardScaler().fit_transform(X).astype(np.float32)
    with threadpool_limits(1):
        try:
            run = ROWS[row](X, y)
        except ImportError as error:
            return str(error)
        run(5)
    return run


def rate(row, name, seconds):
    """Members per second of a row, or what it lacks."""
    run = prepared(row, name)
    if isinstance(run, str):
        return run
    populations, begin = 0, time.process_time()
    with threadpool_limits(1):
        while (spent := time.process_time() - begin) < seconds:
            populations += run(CHUNK)
    return populations * P / spent


def speed(seconds):
    """Members per second of every row, the median of some rounds, and ratios, the median of each round's own."""
    rates, spawn = {}, get_context("spawn")
    for name in SETS:
        with ExitStack() as stack:
            own = {row: stack.enter_context(ProcessPoolExecutor(1, mp_context=spawn)) for row in ROWS}
            for row in ROWS:
                lacks = own[row].submit(rate, row, name, 0).result()
                if isinstance(lacks, str):
                    print(f"{row}: left out ({lacks})")
                else:
                    rates[row, name] = []
            for _ in range(ROUNDS):
                for row in ROWS:
                    if (row, name) in rates:
                        rates[row, name].append(own[row].submit(rate, row, name, seconds / ROUNDS).result())
        for row in ROWS:
            if (row, name) in rates:
                print(f"{row:20} {name:14} {np.median(rates[row, name]):9,.0f} members/s", flush=True)
    for ours in ("open_es", "open_es, all weights"):
        print(f"\n{ours} is faster than")
        for row in ROWS:
            if (row, "digits") in rates:
                ratios = [np.median(np.divide(rates[ours, name], rates[row, name])) for name in SETS]
                print(f"    {row:20} {ratios[0]:13.1f} {ratios[1]:7.1f}")


def scores():
    """Scores beside scikit-learn's MLP."""
    for name, load in {**SETS, "diabetes": load_diabetes}.items():
        X, y = load(return_X_y=True)
        for one_split in (False, True):
            rows = []
            for seed in range(6):
                stratify = None if one_split or name == "diabetes" else y
                parts = train_test_split(X, y, test_size=0.3, random_state=0 if one_split else seed, stratify=stratify)
                rows.append(_row(parts, name == "diabetes", seed if one_split else 0))
            mlp, mlp_seconds, *ours = np.mean(rows, axis=0)
            print(
                f"{name:14} {'one split' if one_split else 'six splits':10} MLP {mlp:.4f}  "
                f"open_es {ours[0]:.4f} at {ours[1] / mlp_seconds:.1f}x its time, "
                f"20,000 evaluations {ours[2]:.4f} at {ours[3] / mlp_seconds:.1f}x",
                flush=True,
            )


def _row(parts, regression, seed):
    """Score and seconds of the MLP, of `open_es`, and of `open_es` with 20,000 evaluations."""
    X_train, X_test, y_train, y_test = parts
    scaler = StandardScaler().fit(X_train)
    X_train, X_test = (scaler.transform(part).astype(np.float32) for part in (X_train, X_test))
    if regression:
        y_test, y_train = (part / y_train.std() - y_train.mean() / y_train.std() for part in (y_test, y_train))
    mlp, ours = (MLPRegressor, BPFreeRegressor) if regression else (MLPClassifier, BPFreeClassifier)
    short = ours((HIDDEN,), trainer="open_es", random_state=seed)
    long = clone(short).set_params(**LONG, trainer__weight_decay=LONG_DECAY / len(X_train))
    row = []
    for model in (mlp(hidden_layer_sizes=(HIDDEN,), random_state=seed), short, long):
        begin = time.process_time()
        model.fit(X_train, y_train)
        seconds = time.process_time() - begin
        row += [model.score(X_test, y_test), seconds]
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0, help="of processor time for each row and set")
    parser.add_argument("--scores", action="store_true", help="scores instead of members per second")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    if args.scores:
        with threadpool_limits(1):
            scores()
    else:
        speed(args.seconds)


if __name__ == "__main__":
    main()
