"""Learning: data, losses, gradients, optimisers."""
