"""Derivatives one direction at a time: of single weights by two values, and of random directions in forward mode."""
