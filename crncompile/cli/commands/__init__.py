"""The commands, one module each; none imports more than click before it runs."""
