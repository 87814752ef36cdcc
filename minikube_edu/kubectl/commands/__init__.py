"""The verbs, one a file. Each has a COMMAND (or, for close relatives, COMMANDS by name), and what does it."""
