"""Predictive coding: every layer predicts the one above it, and all settle on activities that err least."""
