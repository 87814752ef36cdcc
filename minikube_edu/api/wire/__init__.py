"""Wire forms: how an object looks between client and API server.

`json_form` and `yaml_form` are text, `protobuf` is binary; each turns bytes into the same dict, and back.
`negotiation` reads the headers that choose between them. Everything is pure: bytes in, dicts out; errors carry the
real server's words.
"""
