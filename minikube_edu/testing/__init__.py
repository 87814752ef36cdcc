"""A cluster inside a test: one process, one event loop, no sockets.

from minikube_edu.testing.cluster import Cluster
from minikube_edu.testing.virtual_time import run
"""
