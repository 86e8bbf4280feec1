"""
================================================
One population on one core, all cores, a cluster
================================================

A population is a key: whoever is sent the centre and the key draws a block of members and sends back a loss for each.
So the same fit runs in this process, in threads, or on a Dask cluster, with the same bits in the result; the rows
travel once. Here the cluster is two processes of this machine; with ``Client("tcp://scheduler:8786")`` it is yours.

Workers cost a little for every generation. They pay when a generation takes long: many rows, a wide network, a metric
that is slow to compute. For quick generations the fit goes on without them by itself.
"""

# %%
import time

import joblib
import matplotlib.pyplot as plt
import numpy as np
from distributed import Client, LocalCluster
from sklearn.datasets import make_classification

from sklearn_bpfree import BPFreeClassifier, get_trainer

X, y = make_classification(8_000, 20, n_informative=10, random_state=0)


def fit(n_jobs=None):
    """A fit on whole generations, and its weights and milliseconds per generation."""
    trainer = get_trainer("open_es", population_size=64)
    model = BPFreeClassifier((32,), trainer=trainer, batch_size=len(X), max_iter=6, n_jobs=n_jobs, random_state=0)
    begin = time.perf_counter()
    model.fit(X, y)
    return model.state_.weights, 1e3 * (time.perf_counter() - begin) / model.n_iter_


# %%
# The same fit in three places
# ----------------------------
# ``n_jobs`` or a ``joblib.parallel_config`` is all that differs. (Dask starts processes, which read this file again;
# hence the ``if``.)
if __name__ == "__main__":
    results = {"this process": fit(), "2 threads": fit(n_jobs=2)}
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster):
        with joblib.parallel_config("dask"):
            fit()  # the workers import what they need
            results["Dask, 2 processes"] = fit()

    weights, milliseconds = zip(*results.values(), strict=True)
    same = all(np.array_equal(found, weights[0]) for found in weights)
    print(f"the same bits everywhere: {same}")

    # %%
    plt.style.use("tableau-colorblind10")
    fig, ax = plt.subplots(figsize=(7, 2.5), layout="constrained")
    bars = ax.barh(list(results), milliseconds)
    ax.bar_label(bars, fmt="%.0f ms", padding=3)
    ax.invert_yaxis()
    ax.set(xlabel="milliseconds per generation", title=f"64 members, {len(X)} rows; same bits: {same}")
    ax.margins(x=0.15)
    plt.show()
