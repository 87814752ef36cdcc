"""Paths that pods name: mounts, keys projected into files, profiles. None may climb out of its place."""

from __future__ import annotations

from minikube_edu.api.field_errors import Errors


def no_backsteps(path: str, text: str, errors: Errors) -> None:
    if ".." in text and ".." in text.split("/"):
        errors.invalid(path, text, "must not contain '..'")


def descending(path: str, text: str, errors: Errors) -> None:
    """Relative, and downwards only."""
    if text.startswith("/"):
        errors.invalid(path, text, "must be a relative path")
    no_backsteps(path, text, errors)


def not_reserved(path: str, text: str, errors: Errors) -> None:
    """Names that begin with two dots belong to the kubelet."""
    descending(path, text, errors)
    if text.startswith("..") and not text.startswith("../"):
        errors.invalid(path, text, "must not start with '..'")
