"""Pictures after scikit-learn's Display convention: a fit's history, its alignment with the gradient, its uncertainty.

``from_estimator`` draws at once and returns the Display; its ``plot`` draws again, on other axes. matplotlib is needed
for drawing only.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy import special
from sklearn.utils.validation import check_is_fitted

__all__ = ["AlignmentDisplay", "HistoryDisplay", "IntervalDisplay", "ReliabilityDisplay"]

X_LABELS = {"step": "step", "seconds": "seconds", "n_evaluations": "rows sent through the network"}
BAND = "#c7ddec"  # of intervals; not see-through, as thousands of them lie on each other


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
            Fitted.
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
        if not hasattr(estimator, "record_alignment"):
            raise TypeError(
                f"{cls.__name__} draws a BPFreeClassifier or BPFreeRegressor, got {type(estimator).__name__}; "
                "of a pipeline give the last step, of a search best_estimator_."
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
        plt = _pyplot()
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
    <sklearn_bpfree.inspection.HistoryDisplay object at ...>
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
            self.score_ax_ = _twin(ax)
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
    <sklearn_bpfree.inspection.AlignmentDisplay object at ...>
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
        colors = _pyplot().get_cmap(cmap)(np.linspace(0, 0.9, n_layers))
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


class _UncertaintyDisplay:
    """What the displays of predicted standard deviations share.

    Parameters
    ----------
    y_true, mean, std : array-like of shape (n_samples,)
        Targets, predictions and their standard deviations.
    name : str, default=None
        Name in the legend; None: no name.
    """

    def __init__(self, *, y_true: Any, mean: Any, std: Any, name: str | None = None) -> None:
        columns = [np.asarray(values, dtype=np.float64) for values in (y_true, mean, std)]
        if any(column.ndim != 1 or len(column) != len(columns[0]) for column in columns):
            shapes = ", ".join(str(column.shape) for column in columns)
            raise ValueError(f"y_true, mean and std must be one number per row, got shapes {shapes}; give one output.")
        if not (columns[2] > 0).all():
            raise ValueError("std must be positive in every row; was the noise of an observation left out?")
        self.y_true, self.mean, self.std = columns
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, name: str | None = None, ax: Any = None, **kwargs: Any
    ) -> Self:
        """Draw from rows that the estimator has not seen.

        Parameters
        ----------
        estimator : object
            Fitted, with ``predict(X, return_std=True)``: a `BPFreeRegressor` whose trainer offers it, a pipeline that
            ends in one, a GaussianProcessRegressor.
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        name : str, default=None
            Name in the legend; None: that of the estimator's class.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None: in a new figure.
        **kwargs : dict
            Passed to `plot`.

        Returns
        -------
        display : object
            With the artists as attributes.
        """
        mean, std = estimator.predict(X, return_std=True)
        name = type(estimator).__name__ if name is None else name
        return cls(y_true=y, mean=mean, std=std, name=name).plot(ax, **kwargs)

    @classmethod
    def from_predictions(
        cls, y_true: Any, mean: Any, std: Any, *, name: str | None = None, ax: Any = None, **kwargs: Any
    ) -> Self:
        """Draw from given predictions; parameters as in the class and in `plot`."""
        return cls(y_true=y_true, mean=mean, std=std, name=name).plot(ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> Self:
        """Draw; see the subclasses."""
        raise NotImplementedError

    def _start(self, ax):
        self.ax_ = _pyplot().subplots()[1] if ax is None else ax
        self.figure_ = self.ax_.figure
        return self.ax_


class ReliabilityDisplay(_UncertaintyDisplay):
    """Share of targets inside the central interval, against what was promised: by all rows and by how sure they are.

    A line on the diagonal keeps its promise; below it the predictions are too sure of themselves. Rows are also split
    into equal groups by their predicted standard deviation, because intervals that are right on average may be too wide
    where the model is sure and too narrow where it is not.

    Parameters
    ----------
    y_true, mean, std : array-like of shape (n_samples,)
        Targets, predictions and their standard deviations.
    name : str, default=None
        Name in the legend; None: no name.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    line_ : matplotlib Line2D
        All rows.
    group_lines_ : list of matplotlib Line2D
        Groups of rows, from the smallest standard deviations (dark) to the largest (light).
    nominal_, observed_ : ndarray
        The line of all rows.

    See Also
    --------
    IntervalDisplay : The intervals themselves.
    sklearn.calibration.CalibrationDisplay : The same question for the probabilities of a classifier.

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from sklearn_bpfree import BPFreeRegressor
    >>> from sklearn_bpfree.inspection import ReliabilityDisplay
    >>> X, y = make_friedman1(300, noise=1, random_state=0)
    >>> model = BPFreeRegressor(trainer="enkf", random_state=0).fit(X[:200], y[:200])
    >>> ReliabilityDisplay.from_estimator(model, X[200:], y[200:])  # doctest: +ELLIPSIS
    <sklearn_bpfree.inspection.ReliabilityDisplay object at ...>
    """

    def plot(self, ax: Any = None, *, n_groups: int = 3, cmap: Any = "viridis", **kwargs: Any) -> Self:
        """Draw the shares.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None: in a new figure.
        n_groups : int, default=3
            Groups of rows by standard deviation; 1: none.
        cmap : str, default="viridis"
            Colours of the groups; the lightest tenth is left out.
        **kwargs : dict
            Passed to matplotlib's ``plot`` for the line of all rows.

        Returns
        -------
        display : ReliabilityDisplay
        """
        ax = self._start(ax)
        self.nominal_ = np.linspace(0, 1, 101)
        self.observed_ = self._shares(np.arange(len(self.std)))
        ax.plot([0, 1], [0, 1], color="0.5", linestyle="--", linewidth=1, zorder=1)
        groups = np.array_split(np.argsort(self.std, kind="stable"), n_groups) if n_groups > 1 else []
        colors = _pyplot().get_cmap(cmap)(np.linspace(0, 0.9, max(len(groups), 1)))
        self.group_lines_ = [
            ax.plot(
                self.nominal_,
                self._shares(rows),
                color=color,
                linewidth=1,
                label=f"std {self.std[rows].min():.3g} to {self.std[rows].max():.3g}",
            )[0]
            for rows, color in zip(groups, colors, strict=False)
        ]
        label = self.name if self.name else "all rows"
        style = {"color": "black", "linewidth": 2, "label": label, **kwargs}
        (self.line_,) = ax.plot(self.nominal_, self.observed_, **style)
        ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="nominal coverage", ylabel="share of targets inside", aspect="equal")
        ax.legend(loc="upper left", frameon=False)
        return self

    def _shares(self, rows):
        """Observed coverage of the central intervals by some rows."""
        level = 2 * special.ndtr(np.abs(self.y_true[rows] - self.mean[rows]) / self.std[rows]) - 1
        return np.searchsorted(np.sort(level), self.nominal_, side="right") / len(rows)


class IntervalDisplay(_UncertaintyDisplay):
    """Targets and their predicted intervals, in the order of the prediction or along a feature.

    Parameters
    ----------
    y_true, mean, std : array-like of shape (n_samples,)
        Targets, predictions and their standard deviations.
    name : str, default=None
        Title of the axes; None: no title.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    band_ : matplotlib collection
        The intervals.
    line_ : matplotlib Line2D
        The predictions.
    inside_, outside_ : matplotlib Line2D
        The targets, by whether their interval holds them.
    coverage_ : float
        Share of targets inside.

    See Also
    --------
    ReliabilityDisplay : Whether the intervals keep their promise.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_bpfree import BPFreeRegressor
    >>> from sklearn_bpfree.inspection import IntervalDisplay
    >>> X = np.linspace(-2, 2, 200)[:, None]
    >>> y = np.sin(3 * X[:, 0]) + np.random.default_rng(0).normal(0, 0.2, 200)
    >>> model = BPFreeRegressor(trainer="enkf", random_state=0).fit(X, y)
    >>> IntervalDisplay.from_estimator(model, X, y, x=X[:, 0])  # doctest: +ELLIPSIS
    <sklearn_bpfree.inspection.IntervalDisplay object at ...>
    """

    def plot(self, ax: Any = None, *, x: Any = None, coverage: float = 0.9, **kwargs: Any) -> Self:
        """Draw the intervals.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None: in a new figure.
        x : array-like of shape (n_samples,), default=None
            What runs along the horizontal axis, such as a feature; None: the rank of the prediction.
        coverage : float, default=0.9
            Share of targets that an interval is to hold, in (0, 1).
        **kwargs : dict
            Passed to matplotlib's ``fill_between``, or ``vlines`` without `x`.

        Returns
        -------
        display : IntervalDisplay
        """
        if not 0 < coverage < 1:
            raise ValueError(f"coverage must be between 0 and 1, both excluded, got {coverage!r}.")
        ax = self._start(ax)
        along = self.mean if x is None else np.asarray(x, dtype=np.float64)
        order = np.argsort(along, kind="stable")
        at = np.arange(len(order)) if x is None else along[order]
        y, mean, half = self.y_true[order], self.mean[order], special.ndtri((1 + coverage) / 2) * self.std[order]
        inside = np.abs(y - mean) <= half
        self.coverage_ = float(inside.mean())
        style = {"color": BAND, "linewidth": 0 if x is not None else 2, **kwargs}
        style["label"] = f"{coverage:.0%} interval, holds {self.coverage_:.0%}"
        draw = ax.vlines if x is None else ax.fill_between
        self.band_ = draw(at, mean - half, mean + half, **style)
        (self.line_,) = ax.plot(at, mean, color="tab:blue", linewidth=1, label="prediction")
        (self.inside_,) = ax.plot(at[inside], y[inside], ".", color="0.3", markersize=3, label="target")
        (self.outside_,) = ax.plot(at[~inside], y[~inside], ".", color="tab:red", markersize=4, label="target outside")
        ax.set(xlabel="rank of the prediction" if x is None else "x", ylabel="target")
        ax.legend(frameon=False)
        if self.name:
            ax.set_title(self.name)
        return self


def _pyplot():
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError('Displays need matplotlib; install it by pip install "sklearn-bpfree[plot]".') from error
    return plt


def _twin(ax):
    """The second axes on the same place that an earlier history has made, or new ones."""
    for other in ax.get_shared_x_axes().get_siblings(ax):
        if other is not ax and other.get_position().bounds == ax.get_position().bounds:
            return other
    return ax.twinx()
