"""Training by splitting: every layer's inputs and outputs are variables of their own, and blocks of them are solved
for."""
