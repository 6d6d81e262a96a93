"""``python -m crncompile``: the command line."""

from crncompile.cli.main import main

if __name__ == "__main__":
    main()
