"""Which Kubernetes we are: what `/version` says."""

from __future__ import annotations

from minikube_edu.lib import version


def info() -> dict[str, str]:
    """An emulated version is that of the program: the flags for others are accepted and have no effect."""
    told = version.build_info()
    major, minor = told["major"], told["minor"]
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        **told,
    }
