"""Integers as codes or as quantities: what neighbouring levels have in common, in plain tables and in made ones.

Prints, of each column of integers with more than 20 levels of ten rows each, how much of the target's variance lies
between the levels, and what share of it neighbours have in common; and what it costs to take made codes for numbers.

    python benchmarks/codes.py --data FOLDER
"""

import argparse
import sys
import warnings

import numpy as np
import pandas as pd

from sklearn_bpfree.tabular import codes, tabular_pipeline


def told(numbers, y):
    """Number of levels, variance between them, and the share of it in common; None if `are_codes` does not look."""
    given = ~np.isnan(numbers)
    values, levels = np.unique(numbers[given], return_inverse=True)
    few = len(values) <= codes.MAX_ONE_HOT or len(levels) < codes.MIN_ROWS * len(values)
    if few or (numbers[given] % 1).any():
        return None
    half = np.random.default_rng(0).permutation(len(levels)) % 2
    found = [codes._between_and_alike(signal, levels, half) for signal in codes._signals(y[given])]
    between, alike = np.sum(found, axis=0)
    return len(values), between, alike / between


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of the plain tables and their loader.py")
    folder = parser.parse_args().data
    warnings.simplefilter("ignore")
    sys.path.insert(0, folder)
    import loader

    for name in loader.names():
        X, y, _ = loader.load(name)
        for column in X.select_dtypes("number"):
            found = told(X[column].to_numpy(float), y)
            if found and found[1] > codes.MIN_SHARE:
                print(f"{name:12} {column:22} {found[0]:5} levels, {found[1]:.3f} between, {found[2]:5.2f} in common")
    for n_codes, n in ((25, 500), (40, 600), (50, 2000), (200, 4000), (1000, 20000)):
        for seed in range(3):
            rng = np.random.default_rng(seed)
            code, effects = rng.integers(0, n_codes, n).astype(float), rng.normal(size=n_codes)
            y = effects[code.astype(int)] + rng.normal(0, 1.5, n)
            for what, target in (("values", y), ("classes", y > 1)):
                _, between, alike = told(code, target)
                print(f"made {what:8} {n:6} rows {n_codes:5} levels, {between:.3f} between, {alike:5.2f} in common")
    for n_codes, n in ((50, 2000), (200, 4000)):
        rng = np.random.default_rng(0)
        code, effects, x = rng.integers(0, n_codes, n), rng.normal(size=n_codes), rng.normal(size=n)
        y = effects[code] + 0.5 * x + rng.normal(0, 0.5, n)
        for what, cells in (("numbers", code + 0.5), ("as it is", code), ("levels", [f"shop {c}" for c in code])):
            X, cut = pd.DataFrame({"shop": cells, "x": x}), n * 3 // 4
            score = tabular_pipeline("regressor", random_state=0).fit(X[:cut], y[:cut]).score(X[cut:], y[cut:])
            print(f"{n_codes:4} codes, {n} rows, {what:8} R2 {score:.3f}", flush=True)


if __name__ == "__main__":
    main()
