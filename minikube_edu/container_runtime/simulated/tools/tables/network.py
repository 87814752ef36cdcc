"""The commands of `network`: name -> "module:function", the module below `simulated` (or its full name)."""

from __future__ import annotations

TABLE: dict[str, str] = {
    "curl": "tools.network.curl:curl",
    "dig": "tools.network.dig:dig",
    "host": "tools.network.dig:host",
    "nc": "tools.network.nc:nc",
    "ncat": "tools.network.nc:nc",
    "netcat": "tools.network.nc:nc",
    "nslookup": "tools.network.nslookup:nslookup",
    "ping": "tools.network.ping:ping",
    "ping6": "tools.network.ping:ping",
    "socat": "tools.network.nc:socat",
    "telnet": "tools.network.nc:telnet",
    "wget": "tools.network.wget:wget",
}
