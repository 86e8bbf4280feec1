"""What a forward-forward fit carries from step to step."""

from dataclasses import dataclass

from sklearn_bpfree.plugin import ErrorSignalState


@dataclass(eq=False, kw_only=True)
class ForwardForwardState(ErrorSignalState):
    """State of `ForwardForward`; the output kernel in `weights` reads the last hidden layer.

    `feedback` holds the readouts of the other hidden layers, the kernel of the labels, if rows carry any, and the
    centres of the ordinal groups.

    Attributes
    ----------
    kind : {"classes", "labels", "values", "ordinal"}
        What the targets are: one class of several, yes or no, values, or values in ordered groups.
    """

    kind: str
