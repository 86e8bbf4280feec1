"""What a loss is: its values and its output error, and all that follows from these for trainers that want to know more.

A loss sees the network's raw outputs Z and the encoded targets Y, both (n, K). One of your own gives `Loss.loss` and
`Loss.error`; the defaults of all else are made of the error (see `sklearn_bpfree.nn.probing`), so that trainers ask the
loss, never for its class.
"""

from __future__ import annotations

import copy
from typing import Any, ClassVar

import numpy as np

from sklearn_bpfree.nn import probing
from sklearn_bpfree.nn.formulas import Formula, FormulaError, forget_untold

RAREST = 1e-3  # share of a class that first outputs are made for at least
LEAST_MEAN = 1e-6  # the same for positive values, in units of their mean
NOISE_FLOOR = 1e-5  # of a mean loss as a scale, in encoded units


class Loss:
    """Base of the differentiable losses; a subclass gives `loss` and `error`.

    The attributes are what a trainer may ask of a loss. A subclass declares them, or `bind` finds them out.

    Attributes
    ----------
    kind : {"values", "labels", "classes"} or None
        What the targets are: real values, independent yes/no outputs (one for two classes, or multilabel), or exclusive
        classes with an output each. None: any, until it is bound.
    target_scaling : {"standard", "robust", "positive"}
        How real targets are scaled inside: by mean and standard deviation, by median and quartiles, or, for a log link,
        by the mean alone. By default "robust" with a robust loss and "positive" with a link to positive values only.
    has_identity_link : bool
        Whether raw outputs are predictions as they are.
    is_least_squares : bool
        Whether the error is Z - Y, so that a linear readout has a closed form.
    is_robust : bool
        Whether the error stays bounded for real targets, however far they lie. Such a loss may have kinks.
    couples_outputs : bool
        Whether outputs count relative to each other only, as under a softmax.
    curvature_bound : float or None
        Largest curvature in any direction of a row's outputs (Boehning 1992); None where there is none, or it says
        little because the loss is robust.

    References
    ----------
    Boehning (1992), "Multinomial logistic regression algorithm", Annals of the Institute of Statistical Mathematics 44.
    """

    kind: ClassVar[str | None] = None
    target_scaling: ClassVar[str] = "standard"
    has_identity_link: ClassVar[bool] = True
    is_least_squares: ClassVar[bool] = False
    is_robust: ClassVar[bool] = False
    couples_outputs: ClassVar[bool] = False
    curvature_bound: ClassVar[float | None] = None

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        forget_untold(cls, [("link", "link_formula"), ("inverse_link", "inverse_link_formula")])

    # --- the loss itself ---

    def loss(self, Z, Y) -> np.ndarray:
        """Loss of every row, summed over the outputs: (..., n, K), (n, K) -> (..., n)."""
        raise NotImplementedError

    def error(self, Z, Y) -> np.ndarray:
        """The output error, d loss / d Z: (..., n, K), (n, K) -> (..., n, K)."""
        raise NotImplementedError

    def total_and_error(self, Z, Y, weight=None) -> tuple[float, np.ndarray]:
        """The sum of the (weighted) losses and the unweighted output error: what a minibatch needs."""
        losses, E = self.loss(Z, Y), self.error(Z, Y).astype(Z.dtype, copy=False)
        return float(losses.sum() if weight is None else losses @ weight), E

    def means(self, Z, Y, weight=None) -> np.ndarray:
        """Mean loss of every member of a population, (P, n, K), (n, K), (n,) -> (P,): what a generation needs.

        Z may be overwritten.
        """
        return np.average(self.loss(Z, Y), axis=-1, weights=weight)

    # --- targets ---

    @property
    def is_classification(self) -> bool:
        """Whether targets are 0 or 1 and predictions probabilities."""
        return self.kind in ("labels", "classes")

    def bind(self, kind, n_outputs) -> Loss:
        """This loss for targets of a kind, knowing what it had not declared of itself.

        Parameters
        ----------
        kind : {"values", "labels", "classes"}
        n_outputs : int
            K.

        Returns
        -------
        loss : Loss
            Itself, if it declares all attributes, as the built-in losses do, or has no error to try out; otherwise a
            shallow copy.
        """
        declared = {name for cls in type(self).__mro__ if cls is not Loss for name in vars(cls)}.union(vars(self))
        unknown = [name for name in TRIED_OUT if name not in declared]
        if (self.kind is not None and not unknown) or type(self).error is Loss.error:
            return self
        bound = copy.copy(self)
        vars(bound)["kind"] = kind  # a frozen dataclass allows no other way
        with np.errstate(all="ignore"):
            for name in unknown:
                vars(bound)[name] = TRIED_OUT[name](bound, n_outputs)
        return bound

    def smoothed(self, Y, share) -> np.ndarray:
        """Targets (n, K) of which a share is spread over all classes or both answers; values stay as they are."""
        return Y * (1 - share) + share / max(2, Y.shape[1]) if self.is_classification else Y

    # --- between raw outputs and predictions ---

    def link(self, Z) -> np.ndarray:
        """From raw outputs (..., K) to probabilities or (encoded) values.

        By default the mean target for which an output is best, which is the sigmoid or the softmax for the log-losses;
        the outputs themselves where they suit themselves as targets, or more than the mean target counts.
        """
        return Z if self.has_identity_link else probing.mean_target(self.error, self.kind, Z)

    def inverse_link(self, P) -> np.ndarray:
        """Raw outputs whose link is P (..., K), probabilities or values."""
        if self.has_identity_link:
            return P
        return probing.inverse_link(self.link, self.kind, P).astype(P.dtype)

    def link_slope(self, Z) -> np.ndarray:
        """Derivative of the link by the raw output (..., K)."""
        return np.ones_like(Z) if self.has_identity_link else probing.slopes(self.link, Z)

    def initial_output(self, Y, weight) -> np.ndarray:
        """Raw output that suits the mean target: (n, K), (n,) or None -> (K,); the output layer's first bias.

        Zero where the link is the identity, because encoded values are centred.
        """
        if self.has_identity_link:
            return np.zeros(Y.shape[1])
        mean = np.average(Y, axis=0, weights=weight)[None]
        if not self.is_classification:
            return self.inverse_link(np.maximum(mean, LEAST_MEAN))[0]
        Z = self.inverse_link(np.clip(mean, RAREST, 1 - RAREST))[0]
        return Z - Z.mean() if self.couples_outputs else Z

    def mean_output(self, Z) -> np.ndarray:
        """Raw outputs (n, K) whose link is the mean of the members' links; Z (P, n, K)."""
        if self.has_identity_link:
            return Z.mean(axis=0)
        return self.inverse_link(self.link(Z.astype(np.float64)).mean(axis=0)).astype(Z.dtype)

    # --- the same as formulas, for exports; without a default where the link is not the identity ---

    def link_formula(self, Z: Formula) -> Formula:
        """`link` as a formula of the raw outputs."""
        return self._identity("link", Z)

    def inverse_link_formula(self, P: Formula) -> Formula:
        """`inverse_link` as a formula of probabilities or values."""
        return self._identity("inverse_link", P)

    def mean_output_formula(self, Z: Formula, n_members: int) -> Formula:
        """`mean_output` as a formula of the members' raw outputs."""
        return self.inverse_link_formula(self.link_formula(Z).sum(0) / n_members)

    def _identity(self, method, Z):
        if self.has_identity_link:
            return Z
        name = type(self).__name__
        raise FormulaError(f"The {method} of {name} is not said as a formula; give it the method {method}_formula.")

    # --- curvature ---

    def curvature(self, Z, Y) -> np.ndarray:
        """Second derivative of the loss by each raw output (n, K), not below zero.

        That of a robust loss is measured over a distance of 1, kinks and all.
        """
        if self.is_robust:
            step = Z.dtype.type(probing.WINDOW)
            return np.maximum(self.error(Z + step, Y) - self.error(Z - step, Y), 0) / (2 * step)
        wide = Y.astype(np.float64)
        return np.maximum(probing.slopes(lambda Z: self.error(Z, wide), Z), 0)

    def hessian(self, Z, Y) -> tuple[np.ndarray, np.ndarray | None]:
        """Second derivatives of the loss by a row's outputs, H = diag(h) - h s^T.

        Coupled outputs are taken to be those of a softmax up to a factor, others to be independent.

        Parameters
        ----------
        Z, Y : ndarray of shape (n, K)

        Returns
        -------
        h : ndarray of shape (n, K)
        s : ndarray of shape (n, K) or None
            Shares of the outputs, which sum to 1 and are h up to a factor, so that ``g^T H g`` is the sum of
            ``h (g - s . g)^2``; None: independent outputs, H = diag(h).
        """
        h = self.curvature(Z, Y)
        if not self.couples_outputs:
            return h, None
        s = self.link(Z)
        tiny = np.finfo(s.dtype).tiny
        return s * (h.sum(axis=1, keepdims=True) / np.maximum((s * (1 - s)).sum(axis=1, keepdims=True), tiny)), s

    def working_weights(self, Z, Y) -> tuple[np.ndarray, np.ndarray | None]:
        """The quadratic that stands for the loss at Z in iteratively reweighted least squares; see `hessian`.

        For a robust loss it is the parabola that touches the loss from above (Holland and Welsch 1977).
        """
        return (probing.robust_weights(self.error, Z, Y), None) if self.is_robust else self.hessian(Z, Y)

    def dispersion(self, noise, mean_loss) -> np.ndarray:
        """What the loss is divided by (K,) to make it a negative log-likelihood, as in generalised linear models.

        With an identity link the variance of the errors times the bounded curvature; for a robust loss its own mean,
        the most likely scale if the loss is homogeneous. Other losses are likelihoods as they are.

        Parameters
        ----------
        noise : ndarray of shape (K,)
            Variance of the targets about the predictions.
        mean_loss : float
            Per row.
        """
        if self.is_robust:
            return np.full(len(noise), max(mean_loss / len(noise), NOISE_FLOOR))
        if self.has_identity_link and self.curvature_bound is not None:
            return noise * self.curvature_bound
        return np.ones(len(noise))


def _has_identity_link(loss, n_outputs):
    if type(loss).link is not Loss.link:
        Z = probing.points(n_outputs)
        return bool(np.allclose(loss.link(Z), Z))
    return not loss.is_classification and probing.is_identity(loss.error, n_outputs)


def _target_scaling(loss, n_outputs):
    if loss.is_classification or loss.is_robust:
        return "robust" if loss.is_robust else "standard"
    return "positive" if not loss.has_identity_link and probing.is_positive(loss.link, n_outputs) else "standard"


def _curvature_bound(loss, n_outputs):
    if loss.is_least_squares or loss.is_robust:
        return 1.0 if loss.is_least_squares else None
    return probing.curvature_bound(loss.error, loss.kind, n_outputs)


TRIED_OUT: dict[str, Any] = {  # attribute: how a loss finds it out for K outputs, in this order
    "has_identity_link": _has_identity_link,
    "is_least_squares": lambda loss, K: probing.is_least_squares(loss.error, loss.kind, K),
    "is_robust": lambda loss, K: loss.kind == "values" and probing.is_robust(loss.error, K),
    "target_scaling": _target_scaling,
    "couples_outputs": lambda loss, K: probing.couples_outputs(loss.error, loss.kind, K),
    "curvature_bound": _curvature_bound,
}
