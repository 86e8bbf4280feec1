"""Equilibrium propagation and dual propagation: the difference of two states, nudged apart, is the signal."""
