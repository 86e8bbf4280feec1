"""Array kernels: the few in-place operations that a step spends its time in, each as quick as numpy and BLAS allow."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import blas

GER = {"f": blas.sger, "d": blas.dger}
SCAL = {"f": blas.sscal, "d": blas.dscal}
SMALL = 1 << 19  # arrays of at most so many numbers are compared with zeros at once


def add_bias(Z, b) -> None:
    """Add a bias (h,) to every row of a C-contiguous Z (n, h) in place: quicker as a rank-one update than by ``+=``."""
    if len(b) == 1:
        Z += b[0]
        return
    char = Z.dtype.char
    GER[char](1.0, b, ones(len(Z), char), 1, 1, Z.T, 1, 1, 1)  # strides, and leave to overwrite


def affine(H, W, b) -> np.ndarray:
    """``H @ W + b``, a new array, for rows H (n, d) that may be sparse; numpy starts `dot` in a third of the time."""
    Z = H.dot(W)
    add_bias(Z, b)
    return Z


@lru_cache(maxsize=32)
def ones(size, dtype) -> np.ndarray:
    """The vector of ones whose products are sums; read-only."""
    vector = np.ones(size, dtype)
    vector.flags.writeable = False
    return vector


def largest(array) -> float:
    """The largest absolute value of an array without gaps; one pass and no copy."""
    flat = array.ravel("K")
    return abs(flat[(blas.isamax if flat.dtype.char == "f" else blas.idamax)(flat)])


def flush(array) -> None:
    """Set what is next to nothing to zero, in place: a processor takes many times as long for a subnormal number."""
    array[np.abs(array) < 1e8 * np.finfo(array.dtype).tiny] = 0


def shrink(array, factor) -> None:
    """Multiply an array without gaps by a number in place: BLAS starts sooner than numpy's ``array *= factor``."""
    SCAL[array.dtype.char](factor, array if array.ndim == 1 else array.ravel("K"))


def product(H, W) -> np.ndarray:
    """``H @ W`` for rows that may be sparse and kernels that may carry a population axis; quick for a single column."""
    if W.ndim == 2 and H.ndim == 2:
        return H.dot(W)
    if H.shape[-1] == 1 and not sparse.issparse(H):
        return H * W
    if not sparse.issparse(H):
        return H @ W
    members, fan_in, fan_out = W.shape
    stacked = H @ W.transpose(1, 0, 2).reshape(fan_in, members * fan_out)
    return np.ascontiguousarray(stacked.reshape(-1, members, fan_out).transpose(1, 0, 2))


def write_gradient(H, delta, gW, gb) -> None:
    """Gradients of a layer's kernel and bias from its input (rows may be sparse) and the signal at its output."""
    if isinstance(H, np.ndarray):
        H.T.dot(delta, gW)
    else:
        gW[:] = H.T @ delta
    ones(len(delta), delta.dtype.char).dot(delta, gb)


def dropout_mask(shape: tuple[int, int], probability: float, rng: Any, dtype: Any) -> np.ndarray:
    """0 or 1/keep for every unit; one random byte each, so the probability is rounded to 1/256."""
    silent = min(max(1, round(256 * probability)), 255)
    size = shape[0] * shape[1]
    words = rng.bit_generator.random_raw(-(-size // 8))  # five times as quick as rng.bytes
    draws = words.view(np.uint8)[:size].reshape(shape)
    return (draws >= silent) * np.asarray(256 / (256 - silent), dtype)


def row_blocks(n: int, size: int) -> Iterator[slice]:
    """Slices of n rows, `size` each; as scikit-learn's `gen_batches`, whose checks take longer than a row's work."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))
