"""Which Kubernetes we are: what `/version` says."""

from __future__ import annotations

GIT_VERSION = "v1.36.3"
INFO = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": GIT_VERSION,
    "gitCommit": "minikube_edu",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "python3",
    "compiler": "gc",
    "platform": "linux/amd64",
}
