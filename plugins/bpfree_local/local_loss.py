"""Local losses: every hidden layer has a readout of its own (its head) and learns from that readout's error.

    q_l     = dL/dZ_l  at  Z_l = H_l A_l + c_l        the output error of layer l's own head; the last one's head is the
                                                      output layer
    delta_l = (q_l A_l^T) * f'(z_l)                   "pred"; the head learns by H_l^T q_l
    delta_l = dS_l/dH_l * f'(z_l)                     "sim", S_l = sum_ij s_i s_j (cos(m_i, m_j) - T_ij)^2, M = H_l V_l
    delta_l = ((1 - beta) pred + beta sim)            "predsim", beta = 0.99

T says how alike the targets of two rows are, s are the row weights that sum to 1. "pred" is also known as Mono-Forward,
decoupled greedy learning, or an auxiliary classifier with a stopped gradient. No signal crosses a layer: what a layer
learns does not depend on any weight above it but its own head's. Read `signal` first.
"""

from typing import ClassVar

import numpy as np

from bpfree_local.heads import dense, draw_heads, head_and_error, start_heads
from sklearn_bpfree.plugin import ErrorSignalTrainer, Network, check_choice, product, shrink, unit_directions

SHARE_OF_SIM = {"pred": 0.0, "predsim": 0.99, "sim": 1.0}  # beta


class LocalLoss(ErrorSignalTrainer):
    """Local losses: each hidden layer learns from the error of its own readout and from nothing above it.

    Parameters
    ----------
    layer_loss : {"pred", "sim", "predsim"}, default="pred"
        What a hidden layer minimises: the estimator's loss at its own head, the mismatch between the similarities of
        its activations and of the targets, or mostly the second and a little of the first. Similarities do not change
        with the weights' scale, so that decay makes ever larger steps of them: give both ``weight_decay=0.1``, and
        "sim" ``learning_rate=1e-3``, too.
    feedback : {"head", "random"}, default="head"
        What carries a head's error to its layer: the head's own transpose, or a fixed random matrix. With "random" the
        similarities are those of the activations themselves, so that no weight is transposed anywhere.
    predict_with : {"last", "mean"}, default="last"
        Predict by the last head, which is the output layer, or by the mean of all heads' raw outputs.

    References
    ----------
    Noekland and Eidnes (2019), "Training neural networks with local error signals", ICML.
    Belilovsky, Eickenberg and Oyallon (2019), "Greedy layerwise learning can scale to ImageNet", ICML.
    """

    offers: ClassVar[tuple[str, ...]] = ("partial_fit", "monotone")
    transposes: ClassVar[str] = "own head"

    layer_loss: str = "pred"
    feedback: str = "head"
    predict_with: str = "last"

    def param_distributions(self):
        return super().param_distributions() | {"layer_loss": ["pred", "predsim"], "predict_with": ["last", "mean"]}

    def check_parameters(self):
        super().check_parameters()
        check_choice(self, "layer_loss", SHARE_OF_SIM)
        check_choice(self, "feedback", ("head", "random"))
        check_choice(self, "predict_with", ("last", "mean"))

    @property
    def learns_feedback(self):
        return True

    def init_feedback(self, network, rng):
        """A_l, c_l of each hidden layer but the last, then B_l or V_l of each one where the mode has them."""
        K, arrays = network.n_outputs, draw_heads(network, rng)
        for units in network.layer_sizes[1:-1]:
            if self.feedback == "random":
                arrays.append(rng.normal(0, 1 / np.sqrt(K), (K, units)))
            elif self.layer_loss != "pred":
                arrays.append(dense(rng, units, units)[0])
        return arrays

    def feedback_directions(self, network):
        *hidden, outputs = unit_directions(network)[1:]
        ways = [way for units in hidden[:-1] for way in ((units, outputs), None)]
        if self.feedback == "random":
            return ways + [(outputs, units) for units in hidden]
        return ways + [None for _ in hidden if self.layer_loss != "pred"]

    def init(self, problem, rng):
        """The heads' biases start where the output layer's does."""
        state = super().init(problem, rng)
        start_heads(state.feedback, problem)
        return state

    def signal(self, layer, above, run):
        A, q = head_and_error(layer, run)
        beta = SHARE_OF_SIM[self.layer_loss]
        matrix = 2 * (len(run.hidden) - 1) + layer  # where B_l or V_l is
        V = gV = None
        if self.feedback == "random":
            run.feedback_gradient[matrix][:] = 0  # stays as drawn
            signal = q.dot(run.feedback[matrix])
        else:
            signal = q.dot(A.T)
            if beta:
                V, gV = run.feedback[matrix], run.feedback_gradient[matrix]
        if beta:
            signal *= 1 - beta
            signal += beta * _similarity_gradient(run.hidden[layer], V, gV, run.problem.objective, run.batch)
        return signal

    def follow(self, feedback, increments, decay):
        """A_l and V_l decay as kernels do."""
        learned = feedback[: 2 * (len(increments) - 2)] if self.feedback == "random" else feedback
        for A in learned:
            if A.ndim == 2:
                shrink(A, decay)

    def outputs(self, state, network, X):
        Z = super().outputs(state, network, X)
        if self.predict_with == "last":
            return Z
        kernels, biases = network.unpack(state.weights)
        L = max(1, len(kernels) - 1)
        for layer in range(L - 1):
            A, c = state.feedback[2 * layer : 2 * layer + 2]
            below = Network((*network.layer_sizes[: layer + 2], network.n_outputs), network.activation)
            parts = [*kernels[: layer + 1], A, *biases[: layer + 1], c]
            Z += below.outputs(np.concatenate([part.ravel() for part in parts]), X)
        return Z / L

    def formula(self, state, network, X):
        *hidden, Z = network.formulas(state.weights, X)
        if self.predict_with == "last":
            return Z
        heads = zip(hidden[:-1], state.feedback[::2], state.feedback[1::2], strict=False)
        return sum((H @ A + c for H, A, c in heads), Z) / max(1, len(hidden))


def _similarity_gradient(H, V, gV, objective, batch):
    """Gradient of the similarity loss by H; the one by V (None: the identity) is written into gV."""
    M = H if V is None else H @ V
    C = M - M.mean(axis=1, keepdims=True)
    norm = np.maximum(np.linalg.norm(C, axis=1, keepdims=True), np.finfo(H.dtype).tiny ** 0.5)
    U = C / norm
    s = np.full(len(H), 1 / len(H), H.dtype) if batch.weight is None else batch.weight / len(H)
    dU = 4 * s[:, None] * ((U @ U.T - _target_similarity(batch.Y, objective)) @ (s[:, None] * U))
    dM = (dU - U * (dU * U).sum(axis=1, keepdims=True)) / norm  # its rows are centred already, as those of U are
    if V is None:
        return dM
    np.matmul(H.T, dM, out=gV)
    return product(dM, V.T)


def _target_similarity(Y, objective):
    """How alike the targets of two rows are, in [-1, 1]: cosine of classes or label sets, Gaussian kernel of values."""
    if objective.is_classification:
        T = Y - Y.mean(axis=1, keepdims=True) if objective.kind == "classes" else 2 * Y - 1
        T = T / np.linalg.norm(T, axis=1, keepdims=True)
        return T @ T.T
    squares = np.square(Y).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares - 2 * Y @ Y.T, 0) / Y.shape[1]
    return 2 * np.exp(-distances / 2) - 1
