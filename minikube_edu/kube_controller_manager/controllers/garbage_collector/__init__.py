"""garbage-collector-controller: what has owners goes when its last owner has gone.

`graph` knows all objects of the cluster and who owns whom; `monitors` feeds it, with every kind that discovery tells
of; `collector` decides: background, foreground, orphan.
"""

from minikube_edu.kube_controller_manager.controllers.garbage_collector.collector import GarbageCollector

CONTROLLER = GarbageCollector
