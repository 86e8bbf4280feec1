"""A loss that declares all of itself."""

from __future__ import annotations

from sklearn_bpfree.nn.loss import Loss


class DeclaredLoss(Loss):
    """A loss that says all of itself; what differs from this stands in the subclasses."""

    target_scaling = "standard"
    has_identity_link = False
    is_least_squares = False
    is_robust = False
    couples_outputs = False
    curvature_bound = None
