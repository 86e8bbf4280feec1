"""Back-propagation, the yardstick of the zoo: the same code as its neighbours but for one function.

The signal of a layer is what comes down through the transposed kernel above it:

    delta_l = (delta_{l+1} W_{l+1}^T) * f'(z_l)

Read `signal` first.
"""

from typing import ClassVar

from sklearn_bpfree.plugin import ErrorSignalTrainer, product


class Backprop(ErrorSignalTrainer):
    """Back-propagation, the yardstick: the exact gradient.

    References
    ----------
    Rumelhart, Hinton and Williams (1986), "Learning representations by back-propagating errors", Nature 323.
    """

    offers: ClassVar[tuple[str, ...]] = ("partial_fit", "monotone")
    transposes: ClassVar[str] = "all"

    def signal(self, layer, above, run):
        return product(above, run.kernels[layer + 1].T)
