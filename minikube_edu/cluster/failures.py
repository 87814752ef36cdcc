"""Why a cluster does not come up."""


class CannotStart(Exception):
    """A seat did not come up, or a port is taken; the message says what to look at."""
