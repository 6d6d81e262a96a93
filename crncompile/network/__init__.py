"""Stage 2: a model of nodes to the network that it means."""
