"""The work behind ``bpfree bench``: read a table, compare models on it, write a page about it."""

from typing import TYPE_CHECKING

from sklearn_bpfree.lazy import lazily

if TYPE_CHECKING:
    from sklearn_bpfree.bench.comparison import Fold, Model, Result, compare, limited, make_models
    from sklearn_bpfree.bench.reading import BenchError, Table, bundled_tables, read_table
    from sklearn_bpfree.bench.scoring import METRICS, Scoring, make_scoring
    from sklearn_bpfree.bench.splitting import by_group, by_time, folds, set_aside

__all__ = [
    "METRICS",
    "BenchError",
    "Fold",
    "Model",
    "Result",
    "Scoring",
    "Table",
    "bundled_tables",
    "by_group",
    "by_time",
    "compare",
    "folds",
    "limited",
    "make_models",
    "make_scoring",
    "read_table",
    "set_aside",
]
__getattr__, __dir__ = lazily(__name__, __all__, ("comparison", "reading", "scoring", "splitting"))
