"""Frames on a machine's private socket: one letter, a length, a payload; file descriptors travel with the first byte.

  J  a request or an answer, JSON                      (units, processes)
  R  run a command line: fields divided by NUL, and three descriptors (standard input, output, error)
  S  a signal for that command, its number in decimal
  P  the command's pid, in decimal
  X  how it ended: the status that wait(2) gives, in decimal
  N  no: it was not run; the client should do it itself

Kept free of imports that take time: the shortest way to an answer goes through here.
"""

from __future__ import annotations

import _socket as sockets
from sys import byteorder

HEADER = 5
LONGEST = 8 << 20
MOST_DESCRIPTORS = 8


class Broken(Exception):
    """The other side speaks something else, or went away in the middle."""


def frame(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(4, "big") + payload


def take(buffer: bytearray) -> tuple[bytes, bytes] | None:
    """The first whole frame of what has arrived, taken out of it."""
    if len(buffer) < HEADER:
        return None
    size = int.from_bytes(buffer[1:HEADER], "big")
    if size > LONGEST:
        raise Broken("a frame is too long")
    if len(buffer) < HEADER + size:
        return None
    kind, payload = bytes(buffer[:1]), bytes(buffer[HEADER : HEADER + size])
    del buffer[: HEADER + size]
    return kind, payload


def send(connection: sockets.socket, kind: bytes, payload: bytes, descriptors: list[int] | None = None) -> None:
    """All of it, on a blocking socket."""
    data = memoryview(frame(kind, payload))
    if descriptors:
        rights = b"".join(number.to_bytes(4, byteorder) for number in descriptors)
        sent = connection.sendmsg([data], [(sockets.SOL_SOCKET, sockets.SCM_RIGHTS, rights)])
        data = data[sent:]
    while data:
        data = data[connection.send(data) :]


def receive(connection: sockets.socket, size: int = 65536) -> tuple[bytes, list[int]]:
    """What has arrived, and the descriptors that came with it; b'' when the other side is gone."""
    data, extra, _, _ = connection.recvmsg(size, sockets.CMSG_SPACE(4 * MOST_DESCRIPTORS))
    numbers = []
    for level, kind, rights in extra:
        if level == sockets.SOL_SOCKET and kind == sockets.SCM_RIGHTS:
            numbers += [int.from_bytes(rights[at : at + 4], byteorder) for at in range(0, len(rights) // 4 * 4, 4)]
    return data, numbers


def command(words: list[str], directory: str, environment: dict[str, str], umask: int, program: str) -> bytes:
    """The payload of R."""
    fields = [program, str(umask), directory, str(len(words)), *words]
    fields += [f"{name}={value}" for name, value in environment.items()]
    return "\0".join(fields).encode("utf-8", "surrogateescape")


def parse_command(payload: bytes) -> tuple[str, int, str, list[str], dict[str, str]]:
    """(program, umask, directory, words, environment)"""
    try:
        fields = payload.decode("utf-8", "surrogateescape").split("\0")
        program, umask, directory, count = fields[0], int(fields[1]), fields[2], int(fields[3])
        words, pairs = fields[4 : 4 + count], fields[4 + count :]
    except (IndexError, ValueError) as error:
        raise Broken("not a command") from error
    return program, umask, directory, words, dict(pair.split("=", 1) for pair in pairs if "=" in pair)
