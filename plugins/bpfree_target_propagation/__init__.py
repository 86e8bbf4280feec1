"""Target propagation: layers are told what they should have been, by maps that learn to invert those above them."""
