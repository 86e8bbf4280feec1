"""Ensemble Kalman training: weights and how sure they are, from the outputs of an ensemble."""
