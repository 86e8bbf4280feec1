"""The mathematics of a network: arrays, layers, quantised weights, losses, metrics, targets and optimizers.

The lowest floor: nothing here knows of rows, trainers or estimators.
"""
