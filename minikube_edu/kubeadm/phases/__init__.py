"""The phases of init, join, reset and upgrade, one a file; `workflow_tables` gives their order."""
