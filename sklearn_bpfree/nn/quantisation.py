"""Kernels of few bits: what a network with quantised weights computes with, and how these are stored.

A kernel W becomes ``scale * codes`` with one scale for each of its columns (output units):

    binary   codes = sign(W), 0 counts as positive      scale = mean |W|                     (XNOR-Net)
    ternary  codes = sign(W) where |W| > 0.7 mean |W|   scale = mean |W| over these          (ternary weight networks)
    int8     codes = round(W / scale), -127 to 127      scale = max |W| / 127

The first two scales are those of least squared error for their codes. Training keeps the float weights; biases stay as
they are. Quantising once more changes nothing, to the last bit. Read `codes_and_scale` first.

References
----------
Rastegari, Ordonez, Redmon and Farhadi (2016), "XNOR-Net: ImageNet classification using binary convolutional neural
networks", equation 6.
Li, Zhang and Liu (2016), "Ternary weight networks", equations 5 and 6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WEIGHT_KINDS = ("float", "int8", "ternary", "binary")
SCALE_BITS = 11  # of the mantissa; so few that the scale of quantised weights is found again in any precision
TRITS = 3 ** np.arange(5, dtype=np.uint8)  # five ternary codes share a byte


def codes_and_scale(W, kind) -> tuple[np.ndarray, np.ndarray]:
    """Codes of some kernels, and the scale of each of their columns.

    Parameters
    ----------
    W : ndarray of shape (..., fan_in, fan_out)
    kind : {"int8", "ternary", "binary"}

    Returns
    -------
    codes : ndarray of shape (..., fan_in, fan_out)
        Integers in the dtype of W.
    scale : ndarray of shape (..., 1, fan_out)
    """
    size = np.abs(W)
    if kind == "binary":
        return np.where(W >= 0, W.dtype.type(1), W.dtype.type(-1)), _rounded(size.mean(axis=-2, keepdims=True))
    if kind == "ternary":
        on = size > W.dtype.type(0.7) * size.mean(axis=-2, keepdims=True)
        size *= on
        scale = size.sum(axis=-2, keepdims=True) / np.maximum(on.sum(axis=-2, keepdims=True, dtype=W.dtype), 1)
        return np.sign(W) * on, _rounded(scale)
    scale = _rounded(size.max(axis=-2, keepdims=True, initial=0) / W.dtype.type(127))
    return np.rint(W / np.where(scale > 0, scale, 1)), scale


def quantised(W, kind) -> np.ndarray:
    """Kernels (..., fan_in, fan_out) as they are after quantisation, in the dtype of W."""
    codes, scale = codes_and_scale(W, kind)
    codes *= scale
    return codes


def _rounded(scale):
    mantissa, exponent = np.frexp(scale)
    return np.ldexp(np.rint(mantissa * 2**SCALE_BITS) / 2**SCALE_BITS, exponent).astype(scale.dtype, copy=False)


@dataclass(eq=False)
class PackedWeights:
    """Quantised weights of a network in 1, 1.6 or 8 bits each; scales in 32, biases in the precision of the fit.

    Attributes
    ----------
    kind : {"int8", "ternary", "binary"}
    codes : list of ndarray of uint8
        Of each kernel: eight binary or five ternary codes to a byte.
    scales : list of ndarray of shape (fan_out,)
    biases : ndarray
        Of all layers.
    """

    kind: str
    codes: list[np.ndarray]
    scales: list[np.ndarray]
    biases: np.ndarray

    @classmethod
    def pack(cls, kernels, biases, kind) -> PackedWeights:
        """From kernels, which need not be quantised yet, and biases of each layer."""
        codes, scales = zip(*(codes_and_scale(W, kind) for W in kernels), strict=True)
        scales = [scale.ravel().astype(np.float32) for scale in scales]
        return cls(kind, [_pack(code.ravel(), kind) for code in codes], scales, np.concatenate(biases))

    def unpack(self, kernel_shapes) -> np.ndarray:
        """The flat weight vector of a network with kernels of these shapes, quantised."""
        dtype = self.biases.dtype
        kernels = []
        for codes, scale, (fan_in, fan_out) in zip(self.codes, self.scales, kernel_shapes, strict=True):
            numbers = _unpack(codes, self.kind)[: fan_in * fan_out].astype(dtype)
            kernels.append((numbers.reshape(fan_in, fan_out) * scale.astype(dtype)).ravel())
        return np.concatenate([*kernels, self.biases])


def _pack(codes, kind) -> np.ndarray:
    if kind == "binary":
        return np.packbits(codes > 0)
    if kind == "ternary":
        trits = (codes + 1).astype(np.uint8)
        return np.append(trits, np.zeros(-len(trits) % 5, np.uint8)).reshape(-1, 5) @ TRITS
    return codes.astype(np.int8).view(np.uint8)


def _unpack(packed, kind) -> np.ndarray:
    if kind == "binary":
        return 2 * np.unpackbits(packed).astype(np.int8) - 1
    if kind == "ternary":
        return (packed[:, None] // TRITS % 3).astype(np.int8).ravel() - 1
    return packed.view(np.int8)
