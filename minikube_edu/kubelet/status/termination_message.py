"""What a container leaves as its last words: its termination log, or with FallbackToLogsOnError the end of its log.

At most 4096 bytes of the file; of the log at most 2048 bytes and 80 lines. What the runtime says of a failed start
stands when the container has written nothing.
"""

from __future__ import annotations

import os

from minikube_edu.container_runtime.cri import Container
from minikube_edu.kubelet import pod_facts

FILE_BYTES, LOG_BYTES, LOG_LINES = 4096, 2048, 80


def termination_message(run: Container) -> str:
    path = run.config.annotations.get(pod_facts.TERMINATION_PATH) or run.config.termination_message_path
    message = ""
    for mount in run.config.mounts:
        if path and mount.container_path == path:
            message = _file(mount.host_path)
            break
    policy = run.config.annotations.get(pod_facts.TERMINATION_POLICY)
    if not message and run.exit_code != 0 and policy == "FallbackToLogsOnError":
        message = _log(run.log_path)
    return message or run.message


def _file(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(FILE_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"Error on reading termination log {path}: {error.strerror}"


def _log(path: str) -> str:
    """The last lines, without the times and streams that the CRI's log format puts before them."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 16 * LOG_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return ""
    said = []
    for line in lines[-LOG_LINES:]:
        parts = line.split(b" ", 3)
        if len(parts) == 4:
            said.append(parts[3] + (b"" if parts[2].startswith(b"P") else b"\n"))
    return b"".join(said)[-LOG_BYTES:].decode("utf-8", "replace")
