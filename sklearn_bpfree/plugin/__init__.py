"""All that a plugin's author imports: one import, and what it offers is named here.

Contract
    Trainer             base of all trainers: annotated hyper-parameters, `init` and `step`
    State               what a trainer carries from step to step; subclass it (as a dataclass) for more than weights
    FOR_TRAINING        metadata of a state's field that steps need and predictions do not
    advance             a new state with some fields changed, for the end of a `step`
    Budget              a trainer's own number of steps, batch size and stopping
    minibatch_rows      rows in a minibatch that suit a table of some size
    Problem             all that a trainer may see: rows, targets, weights, the network's shape, the objective
    Batch               some rows of a problem
    check_choice        for `check_parameters`: a hyper-parameter must be one of some choices

Error signal: methods that differ only in what reaches a hidden layer in the place of the gradient
    ErrorSignalTrainer  base: minibatches, optimizer, schedule, weight decay, dropout; write `signal`
    ErrorSignalState    its state: weights, feedback, the optimizer's moments
    FeedbackTrainer     base of those whose signals come down from layer to layer, through transposed kernels or others
    Pass                one minibatch on its way up and down the network, as `signal` sees it

Populations: methods that need the values of many weight vectors, and nothing else
    PopulationTrainer   base: members judged in parallel, solved output layers; write `update`
    PopulationState     its state, whose weights are the centre of the population
    Generation          what the members of a generation share, and how they are judged
    AllWeights          the weight space of a search for all weights
    Members             a population around a centre, of which only seeds are kept
    GivenMembers        members that somebody else made
    member_outputs      raw outputs of any members
    centred_ranks       ranks of the losses, from -0.5 for the lowest to 0.5
    BLOCK_MEMBERS       members in a block, the unit of parallel work and of random draws
    projection          module: how the hidden layers' weights and a solved output layer are taken apart and joined

Other trainers
    get_trainer         the trainer registered under a name, for one that builds on others

Network
    Network             shape of a multi-layer perceptron; its outputs are a pure function of weights and rows
    unit_directions     in which direction each unit goes, for a network whose outputs are to be monotone
    ACTIVATIONS         hidden activations by name, each an `Activation`
    Activation          a hidden activation f and its derivative
    Adam, SGD           optimizers: from a gradient to an increment, in place
    SCHEDULES           names of learning-rate schedules
    schedule_factor     factor on the learning rate at some fraction of the fit

Exports
    Formula             raw outputs said step by step, for `Trainer.formula` of a trainer that overrides `outputs`

Objective
    Loss                base of the differentiable losses: values, output error, link, curvature; ask it, not its class
    Metric              a scikit-learn scorer as the objective
    ObjectiveError      what `Problem` raises when the objective cannot give what a trainer asks for

Closed form
    solve_readout       the output layer that suits some features best, for any loss
    ridge               weighted ridge regression whose penalty predicts left-out rows best
    LocalErrors         quantiles of errors by those of unseen rows, scaled by where errors are large
    Spread              values with weights and their quantiles
    Mapped              features: what a function, such as a layer, makes of each row
    LowRank             features: rows and something of low rank, so that sparse rows stay sparse
    Beside              features: several tables side by side
    Gram                features: rows of which the inner products are known, as a kernel's
    formed              features as an ndarray if they are small
    read                features times a kernel, plus a bias
    blocks              slices of rows that stay in the processor's cache
    dense               rows as an ndarray

Arrays
    product             H @ W, for rows that may be sparse and kernels with a population axis
    write_gradient      gradients of a layer's kernel and bias from its input and the signal at its output
    add_bias            add a bias to every row in place
    affine              H @ W + b of a layer
    dropout_mask        0 or 1/keep for every unit
    ones                the vector of ones whose products are sums
    shrink              multiply an array by a number in place

Random numbers
    draw_key            128 random bits, which travel in the place of all that is drawn from them
    keyed               the counter-based generator of a key
    random_bits         0 or 1 with equal chances
    random_signs        -1 or 1 with equal chances

Work
    Workers             calls a function for every block, with joblib where that pays
    one_blas_thread     limits the BLAS to one thread, with which small products are quickest
"""

from sklearn_bpfree.linear.features import Beside, Gram, LowRank, Mapped, blocks, dense, formed, read
from sklearn_bpfree.linear.local_errors import LocalErrors, Spread
from sklearn_bpfree.linear.readout import solve_readout
from sklearn_bpfree.linear.ridge import ridge
from sklearn_bpfree.nn.activations import ACTIVATIONS, Activation
from sklearn_bpfree.nn.arrays import add_bias, affine, dropout_mask, ones, product, shrink, write_gradient
from sklearn_bpfree.nn.draws import draw_key, keyed, random_bits, random_signs
from sklearn_bpfree.nn.formulas import Formula
from sklearn_bpfree.nn.loss import Loss
from sklearn_bpfree.nn.monotone import unit_directions
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.nn.objectives import Metric, ObjectiveError
from sklearn_bpfree.nn.optimizers import SCHEDULES, SGD, Adam, schedule_factor
from sklearn_bpfree.plugin import projection
from sklearn_bpfree.plugin.batches import Batch
from sklearn_bpfree.plugin.blas import one_blas_thread
from sklearn_bpfree.plugin.budget import Budget, minibatch_rows
from sklearn_bpfree.plugin.error_signal import ErrorSignalTrainer
from sklearn_bpfree.plugin.feedback import FeedbackTrainer
from sklearn_bpfree.plugin.members import BLOCK_MEMBERS, GivenMembers, Members, member_outputs
from sklearn_bpfree.plugin.minibatch import ErrorSignalState
from sklearn_bpfree.plugin.passes import Pass
from sklearn_bpfree.plugin.population import Generation, PopulationState, PopulationTrainer, centred_ranks
from sklearn_bpfree.plugin.problem import Problem
from sklearn_bpfree.plugin.registry import get_trainer
from sklearn_bpfree.plugin.trainer import FOR_TRAINING, State, Trainer, advance, check_choice
from sklearn_bpfree.plugin.weight_space import AllWeights
from sklearn_bpfree.plugin.workers import Workers

__all__ = [
    "ACTIVATIONS",
    "BLOCK_MEMBERS",
    "FOR_TRAINING",
    "SCHEDULES",
    "SGD",
    "Activation",
    "Adam",
    "AllWeights",
    "Batch",
    "Beside",
    "Budget",
    "ErrorSignalState",
    "ErrorSignalTrainer",
    "FeedbackTrainer",
    "Formula",
    "Generation",
    "GivenMembers",
    "Gram",
    "LocalErrors",
    "Loss",
    "LowRank",
    "Mapped",
    "Members",
    "Metric",
    "Network",
    "ObjectiveError",
    "Pass",
    "PopulationState",
    "PopulationTrainer",
    "Problem",
    "Spread",
    "State",
    "Trainer",
    "Workers",
    "add_bias",
    "advance",
    "affine",
    "blocks",
    "centred_ranks",
    "check_choice",
    "dense",
    "draw_key",
    "dropout_mask",
    "formed",
    "get_trainer",
    "keyed",
    "member_outputs",
    "minibatch_rows",
    "one_blas_thread",
    "ones",
    "product",
    "projection",
    "random_bits",
    "random_signs",
    "read",
    "ridge",
    "schedule_factor",
    "shrink",
    "solve_readout",
    "unit_directions",
    "write_gradient",
]
