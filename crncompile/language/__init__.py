"""Stage 1: text to a model of frozen nodes, each with its span."""
