"""Direct feedback alignment: the output error itself is sent to every hidden layer, through a matrix of its own.

    delta_l = (E B_l) * f'(z_l)

- "random": B_l is random and fixed (Noekland 2016, eq. 7).
- "learned": direct Kolen-Pollack; B_l learns as the output kernel would if it sat on layer l, by the gradient
  E^T H_l (Webster et al. 2020), and is held at its first norm, because it would grow for ever.

No hidden layer waits for another, and no transposed kernel is used. E may come from elsewhere than this forward pass:

- "delayed": from the last one of the same row, in the pass over the rows before (F^3: Fluegel et al. 2023). At first,
  and where rows are new or have no numbers, as in `partial_fit` and in a ladder, it is as for "target".
- "target": the error of a network that only knows the mean target, so that the target alone teaches the hidden layers
  (direct random target projection: Frenkel et al. 2021; there not centred).

Then a hidden layer need not even wait for the output, and can learn while the rows are going up. Read `signal` first.
"""

from typing import ClassVar

import numpy as np

from sklearn_bpfree.plugin import ErrorSignalTrainer, check_choice, product, unit_directions


class DFA(ErrorSignalTrainer):
    """Direct feedback alignment: the output error reaches every hidden layer through a matrix of its own.

    Parameters
    ----------
    feedback : {"random", "learned"}, default="random"
        Whether the feedback matrices stay as drawn or learn by direct Kolen-Pollack.
    error : {"current", "delayed", "target"}, default="current"
        The error that is sent: this forward pass's, the one of the same row a pass over the rows ago (F^3), or that of
        a network that knows nothing of the row (DRTP). Both are for bounded activations, such as "tanh".

    References
    ----------
    Noekland (2016), "Direct feedback alignment provides learning in deep neural networks", NeurIPS.
    Webster, Choi and Ahn (2020), "Learning the connections in direct feedback alignment".
    Fluegel, Coquelin, Weiel, Debus, Streit and Goetz (2023), "Feed-forward optimization with delayed feedback for
    neural networks", arXiv 2304.13372.
    Frenkel, Lefebvre and Bol (2021), "Learning without feedback: fixed random learning signals allow for feedforward
    training of deep neural networks", Frontiers in Neuroscience 15.
    """

    offers: ClassVar[tuple[str, ...]] = ("partial_fit", "monotone")

    feedback: str = "random"
    error: str = "current"

    def param_distributions(self):
        learned = ["learned"] if self.error == "current" else []
        return super().param_distributions() | {"feedback": ["random", *learned]}

    def check_parameters(self):
        super().check_parameters()
        check_choice(self, "feedback", ("random", "learned"))
        check_choice(self, "error", ("current", "delayed", "target"))
        if self.feedback == "learned" and self.error != "current":
            raise ValueError(
                f"error of DFA must be 'current' for feedback='learned', which learns from it, got {self.error!r}; use "
                "feedback='random'."
            )

    @property
    def learns_feedback(self):
        return self.feedback == "learned"

    def init_feedback(self, network, rng):
        K = network.n_outputs
        return [rng.normal(0, 1 / np.sqrt(K), (K, units)) for units in network.layer_sizes[1:-1]]

    def feedback_directions(self, network):
        *hidden, outputs = unit_directions(network)[1:]
        return [(outputs, units) for units in hidden]

    def init(self, problem, rng):
        """With a delayed error, the last array of `feedback` is the error of every row, (n, K)."""
        state = super().init(problem, rng)
        if self.error == "delayed" and problem.max_iter is not None:
            Z = np.broadcast_to(problem.initial_output().astype(problem.dtype), problem.Y.shape)
            state.feedback.append(problem.output_error(Z, problem.all_rows()._replace(weight=None))[1] * len(Z))
        return state

    def updates(self, run, batch):
        yield self.batch_gradient(run, batch)
        if self.error == "delayed" and self._remembers(run):
            run.feedback[-1][batch.rows] = run.row_errors()

    def signal(self, layer, above, run):
        if self.learns_feedback:
            np.matmul(run.error.T, run.hidden[layer], out=run.feedback_gradient[layer])
        return product(self._error(run), run.feedback[layer])

    def _error(self, run):
        """E, weights and 1/b included."""
        if self.error == "current":
            return run.error
        if self._remembers(run):
            return run.share(run.feedback[-1][run.batch.rows])
        return run.share(run.row_errors(np.broadcast_to(run.initial_output, run.outputs.shape)))

    def _remembers(self, run):
        """Whether there is an error of every row under its number; not so in `partial_fit`, whose rows are new."""
        kept, problem = run.feedback[len(run.hidden) :], run.problem
        seen = run.batch.rows is not None and problem.max_iter is not None
        return seen and bool(kept) and len(kept[0]) == problem.n_samples

    def follow(self, feedback, increments, decay):
        if self.learns_feedback:
            for B in feedback:
                B *= np.sqrt(B.shape[1]) / np.linalg.norm(B)
