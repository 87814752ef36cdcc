"""job-controller: so many pods are to succeed.

`controller` is one look at a Job, `workers` starts and ends its pods, `tally` counts the finished ones so that none is
forgotten and none counted twice, `indexes` are the numbers of an Indexed Job, `policies` what users say about failure
and success, `backoff` how long to wait after a failure.
"""

from minikube_edu.kube_controller_manager.controllers.job.controller import JobController

CONTROLLER = JobController
