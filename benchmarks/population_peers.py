"""Members per second on the peers' own task: one hidden layer of 32, the whole training set, a population of 50.

    pip install evotorch pygad metaperceptron   # each is left out if it is not there
    python benchmarks/population_peers.py [--seconds 4]

All in one process on one thread, in turns, by the processor's time: whole generations with their updates. evotorch runs
its SNES on a fitness that takes the whole population in batched products, its fastest way; PyGAD runs its genetic
algorithm on a fitness of a plain numpy network; MetaPerceptron trains its own network by its genetic algorithm.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sklearn_bpfree import get_trainer
from sklearn_bpfree.network import Network
from sklearn_bpfree.objectives import LogLoss
from sklearn_bpfree.problem import Problem

P, HIDDEN = 50, 32


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

    return run


ROWS = {
    "open_es": lambda X, y: ours(X, y, "open_es"),
    "open_es, full noise": lambda X, y: ours(X, y, "open_es", rank=None),
    "snes": lambda X, y: ours(X, y, "snes"),
    "evotorch SNES": evotorch,
    "PyGAD": pygad,
    "MetaPerceptron": metaperceptron,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0, help="of processor time for each row and set")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    rates = {}
    for name, load in (("breast_cancer", load_breast_cancer), ("digits", load_digits)):
        X, y = load(return_X_y=True)
        X, _, y, _ = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
        X = StandardScaler().fit_transform(X).astype(np.float32)
        for row, make in ROWS.items():
            try:
                run = make(X, y)
            except ImportError as error:
                print(f"{row}: left out ({error})")
                continue
            run(2)
            found, spent, generations = [], 0.0, 5
            while spent < args.seconds or len(found) < 3:
                begin = time.process_time()
                run(generations)
                seconds = time.process_time() - begin
                found.append(generations * P / seconds)
                spent += seconds
                generations = int(np.clip(generations * args.seconds / 8 / max(seconds, 1e-3), 2, 500))
            rates[row, name] = float(np.median(found))
            print(f"{row:20} {name:14} {rates[row, name]:9,.0f} members/s", flush=True)
    print(f"\n{'open_es is faster than':24} breast_cancer  digits")
    for row in ROWS:
        if (row, "digits") in rates and row != "open_es":
            ratios = [rates["open_es", name] / rates[row, name] for name in ("breast_cancer", "digits")]
            print(f"{row:24} {ratios[0]:13.1f} {ratios[1]:7.1f}")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
