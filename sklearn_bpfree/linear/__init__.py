"""What is solved for in closed form: features, their spectrum, ridge with leave-one-out, readouts."""
