"""The rows of the table of syntax mistakes, by what they are about; ``syntax_errors.py`` puts them in order."""
