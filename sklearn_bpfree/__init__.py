"""The zoo of backprop-free trainers for scikit-learn."""
