"""The command line: thin functions whose signatures are the options and whose docstrings are the help.

Modules here import what computes only inside the functions, so that `--help` answers at once.
"""
