"""How fast a population is judged: the forward pass beside the processor's peak, the noise, and two workers beside one.

    python benchmarks/population.py [--seconds 0.3] [--workers 2]

Everything is measured in one run on one BLAS thread, by the processor's time, except for the two workers, whose wall
time counts, beside the most that the machine gives: as many processes that know nothing of each other, each with a
generation of its own, which share the caches, the memory and the processor's clock all the same. "Peak" is the rate of
a product of two 1024 x 1024 float32 matrices. A member's work is 2 x rows x kernel weights, as if it were run alone, so
that what the members share shows as more than the peak.
"""

import argparse
import time

import joblib
import numpy as np
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from sklearn_bpfree import get_trainer
from sklearn_bpfree.nn.losses import LogLoss
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin import Members, advance
from sklearn_bpfree.plugin.judging import block_members, by_columns, judge
from sklearn_bpfree.plugin.problem import Problem

P, ROWS = 256, 256
SHAPES = [(30, 64, 64, 3), (784, 128, 10)]
SECONDS = 0.3


def fastest(function, clock=time.process_time):
    """Least and median seconds of a call, after one to warm up."""
    function()
    times, end = [], time.perf_counter() + SECONDS
    while len(times) < 5 or time.perf_counter() < end:
        begin = clock()
        function()
        times.append(clock() - begin)
    return min(times), float(np.median(times))


def peak():
    """Floating-point operations per second of a large product, the fastest and the median."""
    A = np.random.default_rng(0).normal(size=(1024, 1024)).astype(np.float32)
    out = np.empty_like(A)
    return [2 * 1024**3 / seconds for seconds in fastest(lambda: np.matmul(A, A, out=out))]


def problem(sizes, n=ROWS, batch_size=ROWS, n_jobs=None):
    """Random rows for a network."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, sizes[0])).astype(np.float32)
    Y = np.eye(sizes[-1], dtype=np.float32)[rng.integers(sizes[-1], size=n)]
    return Problem(X, Y, Network(sizes), LogLoss(), batch_size=batch_size, max_iter=100, n_jobs=n_jobs)


def population(problem, noise, size=P):
    """A population around initial weights."""
    network = problem.network
    centre = network.initial_weights(np.random.default_rng(1))
    scale = 0.08 * network.fan_in_scale()
    return Members(network, centre, scale, (1, 2), size // 2, noise=noise, block_members=block_members(problem))


def forward():
    """The forward pass and the draw of its noise."""
    print(f"\n{'network':12} {'noise':9} {'us/member: draw':>15} {'forward':>8} {'of peak':>8} {'members/s':>10}")
    for sizes in SHAPES:
        rates = []
        for noise in ("gaussian", 1):
            p = problem(sizes)
            X = by_columns(p, None).X

            def run(p=p, noise=noise, X=X):
                drawn = population(p, noise)
                begin = time.process_time()
                for block in range(drawn.n_blocks):
                    drawn.directions(block)
                middle = time.process_time()
                for block in range(drawn.n_blocks):
                    drawn.outputs(block, X)
                return middle - begin, time.process_time() - middle

            run()
            draw, pass_ = np.min([run() for _ in range(7)], axis=0) / P
            work = 2 * ROWS * p.network.n_kernel
            rates.append(1 / (draw + pass_))
            print(
                f"{'-'.join(map(str, sizes)):12} {noise!s:9} {1e6 * draw:15.1f} {1e6 * pass_:8.1f} "
                f"{work / pass_ / peak()[0]:8.0%} {rates[-1]:10.0f}",
                flush=True,
            )
        print(f"{'':12} rank 1 does {rates[1] / rates[0]:.1f} times the members of full noise, draws included")


def generation():
    """A whole generation in the default, and its noise."""
    X, y = load_digits(return_X_y=True)
    X = ((X - X.mean(0)) / (X.std(0) + 1e-9)).astype(np.float32)
    Y = np.eye(10, dtype=np.float32)[y]
    print(f"\n{'open_es':22} {'generation':>11} {'noise':>9}")
    for sizes in ((64, 64, 10), (64, 256, 10)):
        p = Problem(X, Y, Network(sizes), LogLoss(), batch_size=256, max_iter=600)
        trainer = get_trainer("open_es")
        state = trainer.init(p, np.random.default_rng(0))
        whole = fastest(lambda t=trainer, s=state, p=p: t.step(s, p, np.random.default_rng(1)))[0]

        def draw(trainer=trainer, state=state, p=p):
            space = trainer.weight_space(p)
            searched = advance(state, weights=space.part(state.weights))
            members = trainer.members(searched, space.network, (1, 2))
            members.block_members = block_members(p)
            for block in range(members.n_blocks):
                members.directions(block)

        noise = fastest(draw)[0]
        name = f"digits {'-'.join(map(str, sizes))}"
        print(f"{name:22} {1e3 * whole:8.2f} ms {noise / whole:9.1%}")


def judged(sizes, noise, size, n, n_jobs=None):
    """Wall seconds of a generation, as often as the time allows."""
    p, times, end = problem(sizes, n, n, n_jobs), [], time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(times) < 5:
        members = population(p, noise, size)
        begin = time.perf_counter()
        judge(p, members)
        times.append(time.perf_counter() - begin)
    return times[2:]


def judged_alone(seconds, *task):
    """`judged` in a process of its own."""
    global SECONDS
    SECONDS = seconds
    with threadpool_limits(1):
        return float(np.median(judged(*task)))


def workers(n_jobs):
    """Wall time of a generation by one worker, by several, and by as many separate processes, taken in turns."""
    print(f"\n{'generation (wall time)':26} {'one':>9} {n_jobs:>4} workers  ratio  separate processes")
    for sizes, noise, size in (((30, 64, 64, 3), 1, 512), ((64, 64, 10), 1, 128), ((784, 128, 10), "gaussian", 128)):
        task = (sizes, noise, size, 256 if sizes[0] == 784 else 1024)
        one, several, apart = [], [], []
        with joblib.Parallel(n_jobs, backend="loky", batch_size=1) as separate:
            for _ in range(6):
                one += judged(*task)
                several += judged(*task, n_jobs)
                apart += separate(joblib.delayed(judged_alone)(SECONDS, *task) for _ in range(n_jobs))
        alone, together, ceiling = (float(np.median(times)) for times in (one, several, apart))
        print(
            f"{'-'.join(map(str, sizes)) + f' P={size}':26} {1e3 * alone:6.1f} ms {1e3 * together:9.1f} ms "
            f"{alone / together:6.2f} {n_jobs * alone / ceiling:19.2f}",
            flush=True,
        )


def main():
    global SECONDS
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each measurement")
    parser.add_argument("--workers", type=int, default=0, help="compare so many threads with one")
    args = parser.parse_args()
    SECONDS = args.seconds
    with threadpool_limits(1):
        print("peak: {:.1f} GFLOP/s at best, {:.1f} in the median".format(*(rate / 1e9 for rate in peak())))
        if args.workers:
            workers(args.workers)
        else:
            forward()
            generation()


if __name__ == "__main__":
    main()
