"""By every tool and path: nothing of the host can be read, written, started or dialled from a container."""
