"""Conformance of shell and tools: cases as data, references on the host, and ours beside them (see README.md)."""
