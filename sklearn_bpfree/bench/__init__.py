"""The work behind ``bpfree bench``: read a table, compare models on it, write a page about it."""

from sklearn_bpfree.bench.comparison import METRICS, Fold, Model, Result, compare, folds, limited, make_models
from sklearn_bpfree.bench.reading import BenchError, Table, bundled_tables, read_table

__all__ = [
    "METRICS",
    "BenchError",
    "Fold",
    "Model",
    "Result",
    "Table",
    "bundled_tables",
    "compare",
    "folds",
    "limited",
    "make_models",
    "read_table",
]
