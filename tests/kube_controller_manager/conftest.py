"""Hours pass at once in these tests."""

from tests.client.conftest import virtual_time

__all__ = ["virtual_time"]  # autouse
