"""A node's machine: the init system that starts, watches and ends what runs there, out of a warm interpreter."""
