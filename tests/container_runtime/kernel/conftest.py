from tests.client.conftest import virtual_time

__all__ = ["virtual_time"]  # autouse: minutes pass at once
