"""Pictures after scikit-learn's Display convention: a fit's history, its alignment with the gradient, its uncertainty.

``from_estimator`` draws at once and returns the Display; its ``plot`` draws again, on other axes. matplotlib is needed
for drawing only.
"""

from sklearn_bpfree.inspection.fits import AlignmentDisplay, HistoryDisplay
from sklearn_bpfree.inspection.uncertainty import IntervalDisplay, ReliabilityDisplay

__all__ = ["AlignmentDisplay", "HistoryDisplay", "IntervalDisplay", "ReliabilityDisplay"]
