"""Tables as people have them: columns told apart, encoded, and the pipeline around an estimator."""

from sklearn_bpfree.tabular.cells import Column
from sklearn_bpfree.tabular.columns import ColumnReader, LeftOutWarning, describe_columns
from sklearn_bpfree.tabular.encoding import PiecewiseLinearEncoder
from sklearn_bpfree.tabular.importances import HeldOutImportances
from sklearn_bpfree.tabular.levels import LevelNumbers, OneHotLevels
from sklearn_bpfree.tabular.pipeline import TabularPipeline, tabular_pipeline
from sklearn_bpfree.tabular.skewed import SkewedTarget, SkewedTargetRegressor
from sklearn_bpfree.tabular.text import TextEncoder

__all__ = [
    "Column",
    "ColumnReader",
    "HeldOutImportances",
    "LeftOutWarning",
    "LevelNumbers",
    "OneHotLevels",
    "PiecewiseLinearEncoder",
    "SkewedTarget",
    "SkewedTargetRegressor",
    "TabularPipeline",
    "TextEncoder",
    "describe_columns",
    "tabular_pipeline",
]
