from tests.client.conftest import virtual_time

__all__ = ["virtual_time"]  # autouse: `sleep 30` of a tutorial passes at once
