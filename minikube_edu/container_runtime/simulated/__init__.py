"""The runtime that runs no code of the host: images are data, programs are tasks over an in-memory world."""
