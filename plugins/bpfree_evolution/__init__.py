"""Evolution strategies: a population around a centre learns from the values of any objective."""
