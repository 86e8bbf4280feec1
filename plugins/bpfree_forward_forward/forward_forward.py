"""Forward-forward: each layer has an objective of its own, the goodness of its activities, and nothing comes down.

    G_l = mean_j a_lj^2                      goodness of a layer, or of each group of its units
    n_l = a_l / sqrt(mean_j a_lj^2)          what the next layer sees, so that it cannot read G_l

    "groups"     L(slope G)                  L the estimator's loss, of one group per class, or of on minus off groups
    "symba"      softplus(-slope (G+ - G-))                              G+ of a row with its label, G- with a wrong one
    "threshold"  softplus(-slope (G+ - 1)) + softplus(slope (G- - 1))    the same rows, Hinton's first form

The output layer, the readout, sees the activities of all hidden layers, learns from its own error and sends nothing
down. No weight is transposed anywhere. Read `batch_gradient` first.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import special
from sklearn.utils import check_scalar

from bpfree_forward_forward.formulas import formula_by_goodness, formula_by_readout
from bpfree_forward_forward.goodness import pair_signal, pattern_of, soft_steps
from bpfree_forward_forward.layers import climb
from bpfree_forward_forward.negatives import mix_columns, stack_rows, wrong_labels
from bpfree_forward_forward.prediction import goodness_by_layer, outputs_by_goodness
from bpfree_forward_forward.readouts import neutral, outputs_by_readout, put_ridge, read, readouts_of
from bpfree_forward_forward.state import ForwardForwardState
from bpfree_forward_forward.targets import check_targets, kind_of
from sklearn_bpfree.plugin import ErrorSignalTrainer, check_choice, product, write_gradient


class ForwardForward(ErrorSignalTrainer):
    """Forward-forward: each layer raises the goodness of right groups or right rows, and nothing comes down.

    Parameters
    ----------
    goodness : {"groups", "symba", "threshold"}, default="groups"
        Groups of units that compete, without negatives (one per class; an on and an off group for two classes, for each
        label and for each value); or pairs of a good row and a bad one, by SymBa's loss or by Hinton's.
    negatives : {"hard", "random", "columns"}, default="hard"
        The bad rows of a pair: the row with a wrong label, drawn by the readout's probabilities or uniformly; or,
        without labels, a row half of whose columns are another's.
    values : {"on_off", "ordinal"}, default="on_off"
        Groups for regression: on minus off is the value, by the estimator's loss; or `n_groups` ordered groups per
        value, of which those near the value's quantile are right.
    predict_with : {"auto", "readout", "goodness"}, default="auto"
        Predict by the readout, or by the mean goodness of the layers: of each group, or of the row with each label.
        "auto": by goodness for values with on and off groups, else by the readout.
    readout : {"delta", "ridge"}, default="delta"
        Whether the readout stays as learned along the way, or the last step ends by a ridge with leave-one-out.
    slope : float, default=4.0
        How steep the loss is in the goodness.
    label_scale : float, default=1.0
        Spread of what a label adds to a unit's input at the start; that of the features is about 1.
    n_groups : int, default=8
        Ordered groups per value (fewer where a layer is narrow); only for ``values="ordinal"``.
    spread : float, default=1.0
        Standard deviation, in groups, of the soft targets; only for ``values="ordinal"``.

    References
    ----------
    Hinton (2022), "The forward-forward algorithm: some preliminary investigations", arXiv 2212.13345.
    Lee and Song (2023), "SymBa: symmetric backpropagation-free contrastive learning with forward-forward algorithm for
    optimizing convergence", arXiv 2303.08418.
    Papachristodoulou, Kyrkou, Timotheou and Theocharides (2024), "Convolutional channel-wise competitive learning for
    the forward-forward algorithm", AAAI.
    """

    state_types: ClassVar[tuple[type, ...]] = (ForwardForwardState,)

    goodness: str = "groups"
    negatives: str = "hard"
    values: str = "on_off"
    predict_with: str = "auto"
    readout: str = "delta"
    slope: float = 4.0
    label_scale: float = 1.0
    n_groups: int = 8
    spread: float = 1.0

    def param_distributions(self):
        """As for its neighbours, and the slope."""
        return {**super().param_distributions(), "slope": [1.0, 4.0, 16.0]}

    def check_parameters(self):
        super().check_parameters()
        check_choice(self, "goodness", ("groups", "symba", "threshold"))
        check_choice(self, "negatives", ("hard", "random", "columns"))
        check_choice(self, "values", ("on_off", "ordinal"))
        check_choice(self, "predict_with", ("auto", "readout", "goodness"))
        check_choice(self, "readout", ("delta", "ridge"))
        for name in ("slope", "label_scale", "spread"):
            check_scalar(getattr(self, name), name, (int, float), min_val=0, include_boundaries="neither")
        check_scalar(self.n_groups, "n_groups", int, min_val=2)
        if self.goodness != "groups" and self.negatives == "columns" and self.predict_with == "goodness":
            raise ValueError(
                "predict_with='goodness' compares labels, of which negatives='columns' has none; use 'readout'."
            )

    @property
    def learns_feedback(self):
        return True

    @property
    def labels_rows(self):
        """Whether a label is written into every row."""
        return self.goodness != "groups" and self.negatives != "columns"

    def labels_kernel(self, feedback):
        """The kernel of the labels, or None without labels."""
        return feedback[-2] if self.labels_rows else None

    def init_feedback(self, network, rng):
        K, units = network.n_outputs, network.layer_sizes[1:-1]
        arrays = [np.zeros((size, K)) for size in units[:-1]]
        if self.labels_rows:
            arrays.append(rng.normal(0, self.label_scale, (max(K, 2), network.layer_sizes[1])))
        return [*arrays, np.zeros((K, self.n_groups))]

    def init(self, problem, rng):
        """The readout starts at the mean target; the centres of ordinal groups are quantiles."""
        kind = kind_of(problem.differentiable_loss, self.values)
        check_targets(self, problem, kind)
        state = super().init(problem, rng)
        problem.network.unpack(state.weights)[0][-1][:] = 0
        if kind == "ordinal":
            shares = (np.arange(self.n_groups) + 0.5) / self.n_groups
            state.feedback[-1][:] = np.quantile(problem.Y, shares, axis=0).T
        return ForwardForwardState(**vars(state), kind=kind)

    def step(self, state, problem, rng):
        after = super().step(state, problem, rng)
        if self.readout == "ridge" and (problem.max_iter is None or problem.iteration + 1 >= problem.max_iter):
            put_ridge(after, self.labels_kernel(after.feedback), problem)
        return after

    def batch_gradient(self, run, batch, dropout=None):
        """The readout learns from the error at its outputs, each hidden layer from its own goodness."""
        if len(run.kernels) == 1:
            for g in run.feedback_gradient:
                g[:] = 0
            return super().batch_gradient(run, batch, dropout)
        dropout = self.dropout if dropout is None else dropout
        way = run.kernels, run.biases, run.problem.network.activation, dropout, run.rng
        run.batch = batch
        first = product(batch.X, run.kernels[0]) + run.biases[0]
        layers = climb(neutral(first, self.labels_kernel(run.feedback)), *way)
        readouts = readouts_of(run.kernels, run.feedback)
        Z = read(layers, readouts) + run.biases[-1]
        loss, run.error = run.problem.output_error(Z, batch)
        for layer, gR in zip(layers, readouts_of(run.kernel_gradients, run.feedback_gradient), strict=True):
            write_gradient(layer.seen, run.error, gR, run.bias_gradients[-1])
        run.feedback_gradient[-1][:] = 0  # the centres stay

        rows, labels = batch.X, None
        if self.labels_rows:
            labels = self._right_and_wrong(run, Z)
            layers = climb(np.concatenate([first, first]) + run.feedback[-2][labels], *way)
        elif self.goodness != "groups":
            rows = stack_rows(batch.X, mix_columns(batch.X, run.rng))
            layers = climb(product(rows, run.kernels[0]) + run.biases[0], *way)

        if self.goodness != "groups":
            run.problem.n_evaluations += len(layers[0].a)
        run.hidden, run.trace = [layer.a for layer in layers], [(layer.z, layer.a, None) for layer in layers]
        for i, layer in enumerate(layers):
            delta = run.chain(i, self.signal(i, run.error, run))
            if i == 0 and labels is not None:
                is_label = np.eye(len(run.feedback[-2]), dtype=delta.dtype)[:, labels]
                np.matmul(is_label, delta, out=run.feedback_gradient[-2])
                delta = delta[: len(first)] + delta[len(first) :]  # both rows have the same features
            write_gradient(layer.below if i else rows, delta, run.kernel_gradients[i], run.bias_gradients[i])
        return loss

    def signal(self, layer, above, run):
        """Gradient of the layer's own objective by its activities; what is above has no say in it."""
        A, (_, Y, weight, _) = run.hidden[layer], run.batch
        s = np.full(len(Y), 1 / len(Y), Y.dtype) if weight is None else weight / len(Y)
        if self.goodness != "groups":
            return pair_signal(A, s, self.slope, symmetric=self.goodness == "symba")
        kind, K = kind_of(run.problem.objective, self.values), Y.shape[1]
        M = pattern_of(A, kind, K, self.n_groups)
        G = np.square(A).dot(M)
        G *= self.slope
        if kind == "ordinal":
            E = special.softmax(G.reshape(len(A), K, -1), axis=-1)
            E -= soft_steps(Y, run.feedback[-1], E.shape[-1], self.spread)
            E = (s[:, None, None] * E).reshape(G.shape)
        else:
            E = run.problem.output_error(G, run.batch)[1]
        signal = E.dot(M.T)
        signal *= A
        signal *= 2 * self.slope
        return signal

    def follow(self, feedback, increments, decay):
        """Readouts and the kernel of the labels decay as kernels do."""
        for B in feedback[:-1]:
            B *= decay

    def outputs(self, state, network, X):
        if len(network.layer_sizes) == 2:
            return super().outputs(state, network, X)
        if self._predicts_by_goodness(state):
            return outputs_by_goodness(self, state, network, X)
        return outputs_by_readout(state, self.labels_kernel(state.feedback), network, X)

    def formula(self, state, network, X):
        if len(network.layer_sizes) == 2:
            return super().formula(state, network, X)
        if self._predicts_by_goodness(state):
            return formula_by_goodness(self, state, network, X)
        return formula_by_readout(state, self.labels_kernel(state.feedback), network, X)

    def _predicts_by_goodness(self, state):
        auto = "goodness" if self.goodness == "groups" and state.kind == "values" else "readout"
        return (auto if self.predict_with == "auto" else self.predict_with) == "goodness"

    def layer_goodness(self, state, network, X) -> list[np.ndarray]:
        """Goodness of each hidden layer, the first one first; for a fitted estimator `clf`::

            clf.trainer_.layer_goodness(clf.state_, clf.network_, X)

        Parameters
        ----------
        state : ForwardForwardState
        network : Network
        X : ndarray or CSR array of shape (n, n_features)

        Returns
        -------
        goodness : list of ndarray of shape (n, columns)
            With groups, a column per class, or on minus off per output, or K x C ordered groups. With pairs, a column
            per label that a row may carry, one without labels.
        """
        return goodness_by_layer(self, state, network, X)

    def _right_and_wrong(self, run, Z):
        """Numbers of the right labels and, below them, of wrong ones."""
        Y = run.batch.Y
        y = Y.argmax(axis=1) if Y.shape[1] > 1 else Y[:, 0].astype(int)
        odds = run.problem.objective.link(Z) if self.negatives == "hard" else None
        return np.concatenate([y, wrong_labels(y, len(run.feedback[-2]), odds, run.rng)])
