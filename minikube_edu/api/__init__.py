"""What an object is: kinds, schema, defaults, validation, selectors, patches, errors, wire forms. Pure: no I/O.

Charter: an object is a plain dict, as JSON has it. Nothing here opens a socket or a file (but its own fact files), or
knows of a server. `scheme` names all resources, `schema` knows the fields of every type, `facts/` holds what the real
v1.36.3 says about both.
"""
