"""The phases of init, join, reset and upgrade, one a file; the tables that give their order are in `workflow_tables`."""
