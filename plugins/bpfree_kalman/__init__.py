"""Ensemble Kalman methods: weights are moved by how the outputs of an ensemble vary with them."""
