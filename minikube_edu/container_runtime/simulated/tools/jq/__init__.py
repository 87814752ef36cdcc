"""jq: `parser` reads a filter, `engine` runs it over values, `command` is the command. The part of the language that
tutorials use: paths, pipes, construction, conditions, variables, reduce, updates and the usual functions.
"""
