"""Learning rules: each module turns solved samples into the gradient of a weighted sum of readouts."""
