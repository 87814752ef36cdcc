"""cronjob-controller: a Job at each of the times that a schedule names.

`controller` starts, forgets and cleans up Jobs, `timing` says which time is due.
"""

from minikube_edu.kube_controller_manager.controllers.cron_job.controller import CronJobController

CONTROLLER = CronJobController
