"""Displays of predicted standard deviations: whether they keep their promise, and the intervals themselves."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy import special

from sklearn_bpfree.inspection.drawing import pyplot

BAND = "#c7ddec"  # of intervals; not see-through, as thousands of them lie on each other


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
        self.ax_ = pyplot().subplots()[1] if ax is None else ax
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
    <sklearn_bpfree.inspection...ReliabilityDisplay object at ...>
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
        colors = pyplot().get_cmap(cmap)(np.linspace(0, 0.9, max(len(groups), 1)))
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
    <sklearn_bpfree.inspection...IntervalDisplay object at ...>
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
