"""grpc_health_probe: asks a server's gRPC health service, as probes did before the kubelet could, and as tutorials do.

Exit codes: 0 serving, 1 wrong arguments, 2 no connection, 3 the call failed, 4 not serving. Just as much of HTTP/2 as
one call needs; headers of an answer are read where they are literals, as `health_serving` writes them.
"""

from __future__ import annotations

import asyncio
import re
import struct

from minikube_edu.cni.contract import Connection, NameNotFound
from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.health_serving import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    SETTINGS,
    Source,
    frame,
    literal,
)
from minikube_edu.container_runtime.simulated.tools.network.dialing import addresses, connect_any
from minikube_edu.lib import clock

STATUSES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
CODES = ["OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
         "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented",
         "Internal", "Unavailable", "DataLoss", "Unauthenticated"]  # fmt: skip
NEVER_MIND = ("user-agent", "rpc-header", "tls-ca-cert", "tls-client-cert", "tls-client-key", "tls-server-name")
PAUSE = 0.1  # between two attempts to connect
UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class Wrong(Exception):
    """Words for stderr, and the exit code."""

    def __init__(self, words: str, code: int) -> None:
        super().__init__(words)
        self.code = code


def duration(text: str, name: str) -> float:
    parts = re.findall(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise Wrong(f'invalid value "{text}" for flag -{name}: parse error', 2)
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def flags(words: list[str]) -> dict[str, str]:
    """Go's: -name=value, -name value, --name."""
    found: dict[str, str] = {}
    while words:
        word = words.pop(0)
        name, equals, value = word.lstrip("-").partition("=")
        if not word.startswith("-"):
            break
        if name in ("v", "version", "tls", "tls-no-verify", "gzip", "spiffe", "alts"):
            found[name] = value or "true"
        elif name in ("addr", "service", "connect-timeout", "rpc-timeout", *NEVER_MIND):
            if not equals and not words:
                raise Wrong(f"flag needs an argument: -{name}", 2)
            found[name] = value if equals else words.pop(0)
        else:
            raise Wrong(f"flag provided but not defined: -{name}", 2)
    return found


async def connected(process: Process, address: str) -> Connection:
    """Tried again until somebody's patience ends, as gRPC does it."""
    host, _, port = address.rpartition(":")
    while True:
        try:
            ips = await addresses(process, host.strip("[]") or "127.0.0.1")
            return await connect_any(process, ips, int(port) if port.isdigit() else 0)
        except (OSError, NameNotFound):
            await asyncio.sleep(PAUSE)


def call(address: str, service: str) -> bytes:
    named = b"\x0a" + bytes((len(service.encode()),)) + service.encode() if service else b""
    head = b"\x83\x86" + literal(":path", "/grpc.health.v1.Health/Check") + literal(":authority", address)
    head += literal("content-type", "application/grpc") + literal("te", "trailers")
    return (
        PREFACE
        + frame(SETTINGS, 0, 0)
        + frame(HEADERS, END_HEADERS, 1, head)
        + frame(DATA, END_STREAM, 1, struct.pack("!BI", 0, len(named)) + named)
    )


def header(block: bytes, name: str) -> str | None:
    key = bytes((len(name),)) + name.encode()
    at = block.find(key)
    if at < 0:
        return None
    start = at + len(key)
    return block[start + 1 : start + 1 + block[start]].decode(errors="replace")


async def check(connection: Connection, address: str, service: str) -> str:
    """The status' name."""
    source = Source(connection)
    await connection.write(call(address, service))
    message, status, words = b"", None, ""
    while status is None:
        head = await source.take(9)
        kind, flag = head[3], head[4]
        data = await source.take(int.from_bytes(head[:3], "big"))
        if kind in (SETTINGS, PING) and not flag & ACK:
            await connection.write(frame(kind, ACK, 0, data if kind == PING else b""))
        elif kind == DATA:
            message += data
        elif kind == HEADERS:
            status, words = header(data, "grpc-status"), header(data, "grpc-message") or ""
        elif kind == GOAWAY:
            raise EOFError
    code = int(status) if status.isdigit() else 2
    name = CODES[code] if code < len(CODES) else f"Code({code})"
    if name == "Unimplemented":
        raise Wrong(
            "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): " + words, 3
        )
    if code:
        raise Wrong(f"error: health rpc failed: rpc error: code = {name} desc = {words}", 3)
    return STATUSES.get(message[6] if len(message) > 6 else 0, "UNKNOWN")


async def asked(process: Process) -> int:
    found = flags(list(process.argv[1:]))
    if "version" in found:
        await process.print("v0.4.39")
        return 0
    address = found.get("addr", "")
    if not address:
        raise Wrong("error: -addr not specified", 1)
    patience = [found.get("connect-timeout", "1s"), found.get("rpc-timeout", "1s")]
    limits = [duration(patience[0], "connect-timeout"), duration(patience[1], "rpc-timeout")]
    for text, limit, name in zip(patience, limits, ("connect-timeout", "rpc-timeout"), strict=True):
        if limit <= 0:
            raise Wrong(f"error: -{name} must be greater than zero (specified: {text})", 1)
    begun = clock.monotonic()
    try:
        async with asyncio.timeout(limits[0]):
            connection = await connected(process, address)
    except TimeoutError:
        raise Wrong(f'timeout: failed to connect service "{address}" within {patience[0]}', 2) from None
    met = clock.monotonic()
    try:
        async with asyncio.timeout(limits[1]):
            status = await check(connection, address, found.get("service", ""))
    except TimeoutError:
        raise Wrong(f"timeout: health rpc did not complete within {patience[1]}", 3) from None
    except (EOFError, OSError):
        closed = "rpc error: code = Unavailable desc = connection error: server closed the connection"
        raise Wrong(f"error: health rpc failed: {closed}", 3) from None
    finally:
        connection.close()
    if status != "SERVING":
        raise Wrong(f'service unhealthy (responded with "{status}")', 4)
    if "v" in found:
        took = f"connect={(met - begun) * 1000:.6f}ms rpc={(clock.monotonic() - met) * 1000:.6f}ms"
        await process.stderr.write(f"time elapsed: {took}\n".encode())
    await process.print("status: SERVING")
    return 0


async def main(process: Process) -> int:
    try:
        return await asked(process)
    except Wrong as wrong:
        await process.stderr.write(f"{wrong}\n".encode())
        return wrong.code
