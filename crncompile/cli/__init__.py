"""The command line: one module for each command in `commands`, imported when that command is called."""
