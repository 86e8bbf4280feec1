"""Kernel methods that learn their features: a closed-form fit says which directions count, and the kernel follows."""
