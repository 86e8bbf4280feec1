"""Direct feedback alignment: the output error itself is sent to every hidden layer, through a matrix of its own.

    delta_l = (E B_l) * f'(z_l)

- "random": B_l is random and fixed (Noekland 2016, eq. 7).
- "learned": direct Kolen-Pollack; B_l learns as the output kernel would if it sat on layer l, by the gradient
  E^T H_l (Webster et al. 2020), and is held at its first norm, because it would grow for ever.

No hidden layer waits for another, and no transposed kernel is used. Read `signal` first.
"""

import numpy as np

from sklearn_bpfree.plugin import ErrorSignalTrainer, check_choice, product


class DFA(ErrorSignalTrainer):
    """Direct feedback alignment: the output error reaches every hidden layer through a matrix of its own.

    Parameters
    ----------
    feedback : {"random", "learned"}, default="random"
        Whether the feedback matrices stay as drawn or learn by direct Kolen-Pollack.

    References
    ----------
    Noekland (2016), "Direct feedback alignment provides learning in deep neural networks", NeurIPS.
    Webster, Choi and Ahn (2020), "Learning the connections in direct feedback alignment".
    """

    feedback: str = "random"

    def param_distributions(self):
        return super().param_distributions() | {"feedback": ["random", "learned"]}

    def check_parameters(self):
        super().check_parameters()
        check_choice(self, "feedback", ("random", "learned"))

    @property
    def learns_feedback(self):
        return self.feedback == "learned"

    def init_feedback(self, network, rng):
        K = network.n_outputs
        return [rng.normal(0, 1 / np.sqrt(K), (K, units)) for units in network.layer_sizes[1:-1]]

    def signal(self, layer, above, run):
        if self.learns_feedback:
            np.matmul(run.error.T, run.hidden[layer], out=run.feedback_gradient[layer])
        return product(run.error, run.feedback[layer])

    def follow(self, feedback, increments, decay):
        if self.learns_feedback:
            for B in feedback:
                B *= np.sqrt(B.shape[1]) / np.linalg.norm(B)
