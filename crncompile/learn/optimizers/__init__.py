"""Optimisers: each minimises the loss of a task over the free vector of its trained parameters."""
