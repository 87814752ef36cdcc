"""The keys that end an attachment and leave the container as it is: `ctrl-p,ctrl-q`, or what --detach-keys names.

They are looked for in what is typed on a terminal; a beginning of them that goes on otherwise is passed on late.
"""

from __future__ import annotations

from minikube_edu.kubectl.failures import CommandError

DEFAULT = "ctrl-p,ctrl-q"
_CONTROLS = {"ctrl-@": 0, **{f"ctrl-{chr(97 + n)}": n + 1 for n in range(26)}} | {
    "ctrl-[": 27,
    "ctrl-\\": 28,
    "ctrl-]": 29,
    "ctrl-^": 30,
    "ctrl-_": 31,
    "DEL": 127,
}


def keys(text: str) -> bytes:
    """`a,ctrl-b` as the bytes that a terminal sends for them."""
    found = bytearray()
    for name in (text or DEFAULT).split(","):
        if len(name) == 1:
            found += name.encode()[:1]
        elif name in _CONTROLS:
            found.append(_CONTROLS[name])
        else:
            raise CommandError(f"could not bind detach keys: Unknown character: '{name}'")
    return bytes(found)


class Watch:
    """What is typed, without the keys; `seen` once they have come."""

    def __init__(self, wanted: bytes) -> None:
        self.wanted = wanted
        self.seen = False
        self._held = b""

    def passed(self, typed: bytes) -> bytes:
        """What of it is for the container."""
        out = b""
        for at, byte in enumerate(typed):
            self._held += typed[at : at + 1]
            if self._held == self.wanted:
                self.seen = True
                return out
            if not self.wanted.startswith(self._held):
                # The beginning was none; the last key may be the first of another.
                again = typed[at : at + 1] if byte == self.wanted[0] and len(self._held) > 1 else b""
                out += self._held[: len(self._held) - len(again)]
                self._held = again
        return out
