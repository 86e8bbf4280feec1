"""Feedback alignment and its relatives: the error comes down another way than through the transposed weights."""
