"""What the displays ask of matplotlib."""

from __future__ import annotations


def pyplot():
    """matplotlib.pyplot, or one sentence that says how to get it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError('Displays need matplotlib; install it by pip install "sklearn-bpfree[plot]".') from error
    return plt


def twin(ax):
    """The second axes on the same place that an earlier history has made, or new ones."""
    for other in ax.get_shared_x_axes().get_siblings(ax):
        if other is not ax and other.get_position().bounds == ax.get_position().bounds:
            return other
    return ax.twinx()
