"""Admission: the last say before an object is stored. One plugin a file; the order is the real one's.

Charter: a plugin changes the object (`admit`) or judges it (`validate`), or both; it raises an api error to refuse. It
reads other objects from the registry's cache and writes none. Plugins do not import each other.
"""
