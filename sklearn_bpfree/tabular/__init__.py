"""Tables as people have them: columns told apart, encoded, and the pipeline around an estimator."""

from sklearn_bpfree.tabular.columns import (
    LeftOutWarning,
    LevelNumbers,
    OneHotLevels,
    as_numbers,
    as_text,
    categorical_columns,
    many_level_columns,
    numeric_columns,
    what_is_left_out,
)
from sklearn_bpfree.tabular.encoding import PiecewiseLinearEncoder
from sklearn_bpfree.tabular.pipeline import TabularPipeline, tabular_pipeline
from sklearn_bpfree.tabular.skewed import SkewedTarget, SkewedTargetRegressor

__all__ = [
    "LeftOutWarning",
    "LevelNumbers",
    "OneHotLevels",
    "PiecewiseLinearEncoder",
    "SkewedTarget",
    "SkewedTargetRegressor",
    "TabularPipeline",
    "as_numbers",
    "as_text",
    "categorical_columns",
    "many_level_columns",
    "numeric_columns",
    "tabular_pipeline",
    "what_is_left_out",
]
