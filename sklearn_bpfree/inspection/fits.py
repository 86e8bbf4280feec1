"""Displays of a fit's history: loss and validation score, and the angles between update and gradient."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_bpfree.inspection.drawing import pyplot, twin

X_LABELS = {"step": "step", "seconds": "seconds", "n_evaluations": "rows sent through the network"}


def _net_in(estimator):
    """What fitted pipelines, searches and `SkewedTargetRegressor` end in."""
    while True:
        steps = getattr(estimator, "steps", None)
        inner = steps[-1][1] if steps else None
        inner = inner or getattr(estimator, "best_estimator_", getattr(estimator, "regressor_", None))
        if inner is None:
            return estimator
        estimator = inner


class _FitDisplay:
    """What the displays of a fit share.

    Parameters
    ----------
    history : list of dict
        An estimator's `history_`.
    name : str, default=None
        Name in the legend; None: no name.
    """

    def __init__(self, *, history: list[dict[str, Any]], name: str | None = None) -> None:
        self.history = history
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, name: str | None = None, x: str = "step", ax: Any = None, **kwargs: Any
    ) -> Self:
        """Draw from a fitted estimator.

        Parameters
        ----------
        estimator : BPFreeClassifier or BPFreeRegressor
            Fitted; or a pipeline or a search that ends in one.
        name : str, default=None
            Name in the legend; None: the trainer's.
        x : {"step", "seconds", "n_evaluations"}, default="step"
            What runs along the horizontal axis.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None: in a new figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        display : object
            With the artists as attributes.

        Raises
        ------
        TypeError
            If the object is not one of ours.
        NotFittedError, ValueError
            If it is not fitted, or the fit did not record what is to be drawn.
        """
        given, estimator = estimator, _net_in(estimator)
        if not hasattr(estimator, "record_alignment"):
            raise TypeError(
                f"{cls.__name__} draws a fitted BPFreeClassifier or BPFreeRegressor, also as the last step of a "
                f"pipeline or as what a search found, got {type(given).__name__}; give one."
            )
        check_is_fitted(estimator, "history_")
        if name is None:
            name = estimator.trainer if isinstance(estimator.trainer, str) else type(estimator.trainer).__name__
        return cls(history=estimator.history_, name=name).plot(ax, x=x, **kwargs)

    def plot(self, ax: Any = None, *, x: str = "step", **kwargs: Any) -> Self:
        """Draw; see the subclasses."""
        raise NotImplementedError

    def _start(self, ax, x, column):
        """The axes to draw on, and the rows of the history that have a column, as (x, column)."""
        if x not in X_LABELS:
            raise ValueError(f"x must be one of {list(X_LABELS)}, got {x!r}.")
        rows = [(row[x], row[column]) for row in self.history if column in row]
        if not rows:
            cure = "fit with record_alignment=True" if column == "alignment" else "fit for at least one step"
            raise ValueError(f"No {column} is recorded in the history of {len(self.history)} steps; {cure}.")
        plt = pyplot()
        self.ax_ = plt.subplots()[1] if ax is None else ax
        self.figure_ = self.ax_.figure
        self.ax_.set_xlabel(X_LABELS[x])
        if x == "step":
            from matplotlib.ticker import MaxNLocator

            self.ax_.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
        at, values = zip(*rows, strict=True)
        return self.ax_, np.array(at), np.array(values)


class HistoryDisplay(_FitDisplay):
    """Training loss of every step and, where there is one, the validation score on a second axis.

    A dot marks the best step: the one with the highest validation score or, without validation, the lowest loss.
    Several fits share one picture by drawing on the same `ax`.

    Parameters
    ----------
    history : list of dict
        An estimator's `history_`.
    name : str, default=None
        Name in the legend; None: no name.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    line_ : matplotlib Line2D
        The loss.
    score_ax_, score_line_ : matplotlib Axes and Line2D, or None
        The validation score, in the loss's colour and dashed; None without validation.
    best_step_ : int or None
        The step that is marked; None when there was no loss to judge by.

    See Also
    --------
    AlignmentDisplay : Angles between update and gradient.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_bpfree import BPFreeClassifier
    >>> from sklearn_bpfree.inspection import HistoryDisplay
    >>> clf = BPFreeClassifier(max_iter=20, early_stopping=True, random_state=0).fit(*load_iris(return_X_y=True))
    >>> display = HistoryDisplay.from_estimator(clf)
    >>> HistoryDisplay(history=clf.history_, name="again").plot(display.ax_)  # doctest: +ELLIPSIS
    <sklearn_bpfree.inspection...HistoryDisplay object at ...>
    """

    def plot(self, ax: Any = None, *, x: str = "step", **kwargs: Any) -> Self:
        """Draw the history.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None: in a new figure. Axes that have a history already get another one.
        x : {"step", "seconds", "n_evaluations"}, default="step"
            What runs along the horizontal axis.
        **kwargs : dict
            Passed to matplotlib's ``plot`` for the loss and the score.

        Returns
        -------
        display : HistoryDisplay
        """
        ax, at, loss = self._start(ax, x, "loss")
        validated = any("validation_score" in row for row in self.history)
        score = np.array([row.get("validation_score", np.nan) for row in self.history])
        worth = score if validated else -loss
        best = None if np.isnan(worth).all() else int(np.nanargmax(worth))
        self.best_step_ = None if best is None else self.history[best]["step"]

        label = None if best is None else f"best: step {self.best_step_}"
        if self.name:
            label = f"{self.name} ({label})" if label else self.name
        marks = {"marker": "o", "markevery": [] if best is None else [best]}
        (self.line_,) = ax.plot(at, loss, **{**marks, "label": label, **kwargs})
        ax.set_ylabel("training loss (solid)" if validated else "training loss")
        self.score_ax_ = self.score_line_ = None
        if validated:
            self.score_ax_ = twin(ax)
            (self.score_line_,) = self.score_ax_.plot(at, score, **{**marks, **kwargs})
            self.score_line_.set(color=self.line_.get_color(), linestyle="--")
            self.score_ax_.set_ylabel("validation score (dashed)")
        if label or "label" in kwargs:
            ax.legend(loc="center right")
        return self


class AlignmentDisplay(_FitDisplay):
    """Angle between a trainer's update and the true gradient, a line per layer.

    Below 90 degrees an update goes downhill; 0 is the gradient itself, as back-propagation has it. This is the figure
    of the papers on feedback alignment [1]_ [2]_. The fit must have recorded it (``record_alignment=True``).

    Parameters
    ----------
    history : list of dict
        An estimator's `history_`.
    name : str, default=None
        Title of the axes; None: no title.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    lines_ : list of matplotlib Line2D
        One per layer, from the input (dark) to the output (light).

    See Also
    --------
    HistoryDisplay : Loss and validation score.

    References
    ----------
    .. [1] Lillicrap, Cownden, Tweed and Akerman (2016), "Random synaptic feedback weights support error backpropagation
       for deep learning", Nature Communications 7.
    .. [2] Refinetti, d'Ascoli, Ohana and Goldt (2021), "Align, then memorise: the dynamics of learning with feedback
       alignment", ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_bpfree import BPFreeClassifier
    >>> from sklearn_bpfree.inspection import AlignmentDisplay
    >>> clf = BPFreeClassifier(max_iter=20, record_alignment=True, random_state=0).fit(*load_iris(return_X_y=True))
    >>> AlignmentDisplay.from_estimator(clf)  # doctest: +ELLIPSIS
    <sklearn_bpfree.inspection...AlignmentDisplay object at ...>
    """

    def plot(self, ax: Any = None, *, x: str = "step", cmap: Any = "viridis", **kwargs: Any) -> Self:
        """Draw the angles.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None: in a new figure.
        x : {"step", "seconds", "n_evaluations"}, default="step"
            What runs along the horizontal axis.
        cmap : str, default="viridis"
            Colours of the layers; the lightest tenth is left out.
        **kwargs : dict
            Passed to matplotlib's ``plot`` for every layer.

        Returns
        -------
        display : AlignmentDisplay
        """
        ax, at, angles = self._start(ax, x, "alignment")
        n_layers = angles.shape[1]
        names = [f"layer {layer}" for layer in range(1, n_layers)] + ["output"]
        colors = pyplot().get_cmap(cmap)(np.linspace(0, 0.9, n_layers))
        ax.axhline(90, color="0.5", linestyle="--", linewidth=1, zorder=1)
        self.lines_ = [
            ax.plot(at, angle, **{"label": label, "color": color, **kwargs})[0]
            for angle, label, color in zip(angles.T, names, colors, strict=True)
        ]
        ax.set_ylabel("angle to the gradient (degrees)")
        highest = max(95, ax.dataLim.ymax)
        ax.set_yticks(np.arange(0, highest, 30))
        ax.set_ylim(-4, highest + 5 + 9 * -(-n_layers // 3))  # room for the legend, in rows of three, above the lines
        ax.legend(loc="upper center", ncols=min(n_layers, 3), frameon=False, columnspacing=1.2, handlelength=1.2)
        if self.name:
            ax.set_title(self.name)
        return self
