"""Many byte streams over one upgraded connection: exec, attach and port-forward are made of them.

`byte_stream` is the interface; `channels` (numbered channels in a WebSocket) and `spdy` (SPDY/3.1, bare or tunnelled
in a WebSocket) are the two wires. `relay` joins two upgraded connections without looking inside.
"""
