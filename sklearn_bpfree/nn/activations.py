"""Hidden activations and their derivatives, each as quick as numpy allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from sklearn_bpfree.nn.arrays import SMALL
from sklearn_bpfree.nn.formulas import Formula, FormulaError


def _no_formula(Z: Formula) -> Formula:
    """Refuse: nobody has said the activation as a formula."""
    raise FormulaError("This activation is not said as a formula; give it the attribute formula.")


@dataclass(frozen=True)
class Activation:
    """A hidden activation f and its derivative.

    Attributes
    ----------
    apply : callable
        ``apply(Z)`` returns f(Z); it may work in place unless `needs_input` is true.
    chain : callable
        ``chain(signal, Z, H)`` multiplies `signal` by f'(Z) in place, given Z and H = f(Z).
    needs_input : bool
        Whether the derivative cannot be had from H alone, so that Z must be kept.
    flat : bool
        Whether the derivative is zero almost everywhere, so that only trainers that need values can learn.
    rises : bool
        Whether f never falls, so that networks can be monotone.
    formula : callable
        ``formula(Z)`` is what `apply` computes, as a `Formula`.
    """

    apply: Callable
    chain: Callable
    needs_input: bool = False
    flat: bool = False
    rises: bool = True
    formula: Callable = _no_formula


@lru_cache(maxsize=16)
def _zeros(shape, dtype):
    zeros = np.zeros(shape, dtype)
    zeros.flags.writeable = False
    return zeros


def _relu(Z):
    # numpy's maximum of two arrays is three times as fast as that of an array and a scalar
    if Z.size <= SMALL:
        return np.maximum(Z, _zeros(Z.shape, Z.dtype.char), out=Z)
    if not Z.flags.c_contiguous:
        return np.maximum(Z, 0, out=Z)
    for start in range(0, Z.size, SMALL):
        _relu(Z.reshape(-1)[start : start + SMALL])
    return Z


def _chain_relu(signal, Z, H):
    signal *= (H > 0).astype(H.dtype)  # sooner done than a product of numbers and booleans


def _logistic(Z):
    return special.expit(Z, out=Z)


def _chain_logistic(signal, Z, H):
    signal *= H * (1 - H)


def _tanh(Z):
    return np.tanh(Z, out=Z)


def _chain_tanh(signal, Z, H):
    signal *= 1 - H * H


def _softplus(Z):
    return np.logaddexp(0, Z, out=Z)


def _chain_softplus(signal, Z, H):
    signal *= -np.expm1(-H)


def _silu(Z):
    return Z * special.expit(Z)


def _chain_silu(signal, Z, H):
    gate = special.expit(Z)
    signal *= gate + H * (1 - gate)


def _gelu(Z):
    return Z * special.ndtr(Z)


def _chain_gelu(signal, Z, H):
    signal *= special.ndtr(Z) + Z * (np.exp(-0.5 * Z * Z) * np.asarray(1 / np.sqrt(2 * np.pi), Z.dtype))


def _step(Z):
    return np.greater(Z, 0, out=Z, casting="unsafe")


def _sign(Z):
    np.greater_equal(Z, 0, out=Z, casting="unsafe")
    Z *= 2
    Z -= 1
    return Z


def _chain_flat(signal, Z, H):
    signal *= 0


# onnxruntime has neither Softplus nor the error function in double precision


def _softplus_formula(Z):
    return Formula("Relu", Z) + Formula("Log", Formula("Exp", Formula("Min", Z, Z * -1)) + 1)


def _gelu_formula(Z):
    return Z * (Formula("Erf", (Z * 0.5**0.5).cast(np.float32)).cast(Z.dtype) + 1) * 0.5


ACTIVATIONS = {
    "identity": Activation(lambda Z: Z, lambda signal, Z, H: None, formula=lambda Z: Z),
    "logistic": Activation(_logistic, _chain_logistic, formula=lambda Z: Formula("Sigmoid", Z)),
    "tanh": Activation(_tanh, _chain_tanh, formula=lambda Z: Formula("Tanh", Z)),
    "relu": Activation(_relu, _chain_relu, formula=lambda Z: Formula("Relu", Z)),
    "gelu": Activation(_gelu, _chain_gelu, needs_input=True, rises=False, formula=_gelu_formula),
    "silu": Activation(_silu, _chain_silu, needs_input=True, rises=False, formula=lambda Z: Z * Formula("Sigmoid", Z)),
    "softplus": Activation(_softplus, _chain_softplus, formula=_softplus_formula),
    "step": Activation(_step, _chain_flat, flat=True, formula=lambda Z: (Z > 0).cast(Z.dtype)),
    "sign": Activation(_sign, _chain_flat, flat=True, formula=lambda Z: (Z >= 0).cast(Z.dtype) * 2 - 1),
}
