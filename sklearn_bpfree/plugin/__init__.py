"""Everything that a plugin's author imports."""

from sklearn_bpfree.linear.features import (
    BLOCK_ROWS,
    Beside,
    Features,
    LowRank,
    Mapped,
    blocks,
    dense,
    formed,
    is_sparse,
    read,
)
from sklearn_bpfree.linear.readout import VARIANCE_FLOOR, solve_readout
from sklearn_bpfree.linear.ridge import RidgeFit, ridge
from sklearn_bpfree.linear.spectrum import EXACT_CELLS, Tall, Wide, spectrum
from sklearn_bpfree.nn.arrays import add_bias, dropout_mask, flush, largest, ones, product, shrink, write_gradient
from sklearn_bpfree.nn.losses import (
    AbsoluteError,
    BinaryLogLoss,
    HuberLoss,
    LogLoss,
    Loss,
    PoissonLoss,
    QuantileLoss,
    SquaredError,
)
from sklearn_bpfree.nn.network import ACTIVATIONS, Activation, Network
from sklearn_bpfree.nn.objectives import Metric, ObjectiveError
from sklearn_bpfree.nn.optimizers import SCHEDULES, SGD, Adam, schedule_factor
from sklearn_bpfree.nn.quantisation import WEIGHT_KINDS, quantised
from sklearn_bpfree.plugin import parallel, projection
from sklearn_bpfree.plugin.error_signal import ErrorSignalState, ErrorSignalTrainer, Pass
from sklearn_bpfree.plugin.members import BLOCK_MEMBERS, Directions, Members, member_outputs
from sklearn_bpfree.plugin.parallel import Workers, one_blas_thread
from sklearn_bpfree.plugin.population import PopulationState, PopulationTrainer, centred_ranks
from sklearn_bpfree.plugin.problem import Batch, Problem
from sklearn_bpfree.plugin.registry import get_trainer, get_trainer_class, list_trainers
from sklearn_bpfree.plugin.search import search_space
from sklearn_bpfree.plugin.trainer import Budget, State, Trainer, advance, check_choice

__all__ = [
    "ACTIVATIONS",
    "BLOCK_MEMBERS",
    "BLOCK_ROWS",
    "EXACT_CELLS",
    "SCHEDULES",
    "SGD",
    "VARIANCE_FLOOR",
    "WEIGHT_KINDS",
    "AbsoluteError",
    "Activation",
    "Adam",
    "Batch",
    "Beside",
    "BinaryLogLoss",
    "Budget",
    "Directions",
    "ErrorSignalState",
    "ErrorSignalTrainer",
    "Features",
    "HuberLoss",
    "LogLoss",
    "Loss",
    "LowRank",
    "Mapped",
    "Members",
    "Metric",
    "Network",
    "ObjectiveError",
    "Pass",
    "PoissonLoss",
    "PopulationState",
    "PopulationTrainer",
    "Problem",
    "QuantileLoss",
    "RidgeFit",
    "SquaredError",
    "State",
    "Tall",
    "Trainer",
    "Wide",
    "Workers",
    "add_bias",
    "advance",
    "blocks",
    "centred_ranks",
    "check_choice",
    "dense",
    "dropout_mask",
    "flush",
    "formed",
    "get_trainer",
    "get_trainer_class",
    "is_sparse",
    "largest",
    "list_trainers",
    "member_outputs",
    "one_blas_thread",
    "ones",
    "parallel",
    "product",
    "projection",
    "quantised",
    "read",
    "ridge",
    "schedule_factor",
    "search_space",
    "shrink",
    "solve_readout",
    "spectrum",
    "write_gradient",
]
