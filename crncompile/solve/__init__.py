"""Solving: steady states with certificates, gradients at them, relaxation in time."""
