"""Metrics of probabilities and of their order: the area under a ROC curve is the share of pairs that are in order."""

from __future__ import annotations

from itertools import combinations

import numpy as np

AUC_AVERAGES = {
    "roc_auc_ovr": "macro",
    "roc_auc_ovr_weighted": "weighted",
    "roc_auc_ovo": "macro",
    "roc_auc_ovo_weighted": "weighted",
}


def auc(S, positive, weight=None) -> np.ndarray:
    """Area under the ROC curve: share of the pairs of a positive and a negative row that S has in order.

    Parameters
    ----------
    S : ndarray of shape (P, n)
        Scores of P members; ties count half.
    positive : ndarray of bool of shape (n,)
    weight : ndarray of shape (n,), default=None

    Returns
    -------
    area : ndarray of shape (P,)
        NaN if either kind of row is missing.
    """
    P, n = S.shape
    w = np.ones(n) if weight is None else np.asarray(weight, np.float64)
    up, down = w * positive, w * ~positive
    order, S = _sorted(S)
    starts = np.ones((P, n), bool)  # where a group of equal scores starts
    np.not_equal(S[:, 1:], S[:, :-1], out=starts[:, 1:])
    ups, downs = up[order], down[order]
    if starts.all():
        ordered = np.einsum("pn,pn->p", ups, np.cumsum(downs, axis=1))
    else:
        groups = np.flatnonzero(starts)
        ups, downs = np.add.reduceat(ups.ravel(), groups), np.add.reduceat(downs.ravel(), groups)
        first = np.searchsorted(groups, n * np.arange(P))  # of each member
        below = np.cumsum(downs) - 0.5 * downs
        below -= np.repeat(down.sum() * np.arange(P), np.diff(first, append=len(groups)))  # that of earlier members
        ordered = np.add.reduceat(ups * below, first)
    with np.errstate(divide="ignore", invalid="ignore"):
        return ordered / (up.sum() * down.sum())


def _sorted(S):
    """Order of each row's scores, and numbers that are equal and in order as the sorted scores are."""
    if S.dtype != np.float32:
        order = np.argsort(S, axis=1)
        return order, np.take_along_axis(S, order, axis=1)
    # three times as fast: bits that sort like the numbers, with the column below them
    bits = (S + np.float32(0)).view(np.int32)  # there is one zero
    keys = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).astype(np.int64) << 32 | np.arange(S.shape[1])
    keys.sort(axis=1)
    return keys & 0xFFFFFFFF, keys >> 32


def auc_scores(targets, average, link, Z, y, weight):
    """One class (or label) against the rest."""
    S = Z if link is None else link(Z)
    Y = targets.encode(y, bool)
    areas = np.stack([auc(S[..., k], Y[:, k], weight) for k in range(Y.shape[1])], axis=1)
    share = np.average(Y, axis=0, weights=weight) if average == "weighted" and Y.shape[1] > 1 else None
    return np.average(areas, axis=1, weights=share)


def pairwise_auc_scores(targets, average, link, Z, y, weight):
    """One class against another, both ways."""
    if not targets.exclusive:
        return auc_scores(targets, average, link, Z, y, weight)
    if weight is not None:
        raise ValueError("The metric roc_auc_ovo does not take sample weights; use roc_auc_ovr.")
    S, Y = link(Z), targets.encode(y, bool)
    areas, share = [], []
    for a, b in combinations(range(Y.shape[1]), 2):
        rows = np.flatnonzero(Y[:, a] | Y[:, b])
        share.append(len(rows))
        areas.append(sum(auc(S[:, rows, k], Y[rows, k]) for k in (a, b)) / 2)
    return np.average(np.stack(areas, axis=1), axis=1, weights=share if average == "weighted" else None)


def log_loss_scores(targets, link, Z, y, weight):
    P, Y = link(Z), targets.encode(y, bool)
    likelihood = np.where(Y, P, 1 - P)[..., 0] if not targets.exclusive else np.einsum("pnk,nk->pn", P, Y)
    tiny = np.finfo(P.dtype).eps
    return np.average(np.log(np.clip(likelihood, tiny, 1 - tiny)), axis=1, weights=weight).astype(np.float64)
