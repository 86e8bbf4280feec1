"""Random features: the hidden layers stay as drawn, and a readout is solved for in closed form."""
