"""For all tests: a busy machine is no reason to fail."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# What kubectl knows of a server on some port is not for the next test's server on that port.
os.environ.setdefault("KUBECACHEDIR", os.devnull)
