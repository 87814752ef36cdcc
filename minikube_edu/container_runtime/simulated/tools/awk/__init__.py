"""awk: `lexer` and `parser` read the program, `values` holds awk's strings that are also numbers, `records` splits
inputs into records and fields, `streams` are its files and pipes, `runtime` runs the tree, `command` is the command.
"""
