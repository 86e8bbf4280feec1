"""What fitted models are made of: the types that safe loading may make, as `skops.io.load` asks for them.

Each is a class of values without any code of its own at loading, or a function that a pipeline calls for its columns.
What the states of a trainer are made of says the trainer (`Trainer.state_types`), a third party's as well as ours.
"""

from __future__ import annotations

from sklearn.model_selection import KFold

from sklearn_bpfree.estimators import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.estimators.continuing import Rows
from sklearn_bpfree.estimators.training import Progress
from sklearn_bpfree.linear.local_errors import LocalErrors, Spread
from sklearn_bpfree.nn.losses import (
    AbsoluteError,
    BinaryLogLoss,
    HuberLoss,
    LogLoss,
    PoissonLoss,
    QuantileLoss,
    SquaredError,
)
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.nn.quantisation import PackedWeights
from sklearn_bpfree.nn.targets import Classes, LabelSets, Values
from sklearn_bpfree.plugin.registry import get_trainer_class, list_trainers
from sklearn_bpfree.plugin.trainer import State
from sklearn_bpfree.tabular import (
    circles,
    columns,
    compound,
    dates,
    encoding,
    groups,
    importances,
    levels,
    numbers,
    pipeline,
    skewed,
    spans,
    text,
)
from sklearn_bpfree.tabular.cells import BooleanFormat, Column

ESTIMATORS = (BPFreeClassifier, BPFreeRegressor, Progress, Rows, State, Network, PackedWeights)
TARGETS = (Classes, LabelSets, Values, Spread, LocalErrors)
LOSSES = (BinaryLogLoss, LogLoss, SquaredError, AbsoluteError, HuberLoss, QuantileLoss, PoissonLoss)
TABLES = (
    pipeline.TabularPipeline,
    columns.ColumnReader,
    Column,
    BooleanFormat,
    numbers.NumberFormat,
    compound.CompoundFormat,
    dates.DateFormat,
    dates.FiguresFormat,
    dates.CountFormat,
    spans.TimeFormat,
    spans.FiguresFormat,
    spans.DurationFormat,
    groups.numeric_columns,
    groups.categorical_columns,
    groups.many_level_columns,
    groups.straight_columns,
    groups.circle_columns,
    groups.free_text_columns,
    groups.as_numbers,
    groups.names_as_they_are,
    levels.as_text,
    levels.LevelNumbers,
    levels.OneHotLevels,
    pipeline._LevelMeans,
    pipeline._MarkingColumnTransformer,
    encoding.PiecewiseLinearEncoder,
    encoding._Places,
    circles.CircleEncoder,
    text.TextEncoder,
    importances.HeldOutImportances,
    skewed.SkewedTarget,
    skewed.SkewedTargetRegressor,
)
OF_OTHERS = (KFold, frozenset)  # which skops does not trust by itself, harmless as they are


def trusted_types() -> list[str]:
    """Names of the types that a fitted model of this library, or of a registered trainer, is made of.

    Returns
    -------
    names : list of str
        Sorted. A trainer that cannot be imported is left out.

    Examples
    --------
    >>> from sklearn_bpfree.trusted import trusted_types
    >>> "sklearn_bpfree.estimators.classifier.BPFreeClassifier" in trusted_types()
    True
    """
    types = [*ESTIMATORS, *TARGETS, *LOSSES, *TABLES, *OF_OTHERS]
    for name in list_trainers():
        try:
            trainer = get_trainer_class(name)
        except Exception:  # of the plugin, whatever it is; the registry says it wherever the trainer is asked for
            continue
        types += [trainer, *trainer.state_types]
    return sorted({*map(type_name, types)})


def type_name(kind) -> str:
    """A class or function as the list has it."""
    return f"{kind.__module__}.{kind.__qualname__}"
