"""Everybody's optimiser: other libraries' and the classic ones, over the values of a network."""
