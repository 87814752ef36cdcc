"""What makes a runtime class wrong."""

from __future__ import annotations

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Object, Validator
from minikube_edu.api.validation.container_resources import validate_requirements
from minikube_edu.api.validation.field_rules import immutable, labels, required_name
from minikube_edu.api.validation.pod_options import Options
from minikube_edu.api.validation.pod_scheduling import validate_tolerations


def create(obj: Object, errors: Errors) -> None:
    required_name(errors, "handler", obj["handler"], names.dns1123_label)
    if (overhead := obj.get("overhead")) is not None:
        # What a pod of this class costs by itself is judged as the limits of a container are.
        validate_requirements("overhead", {"limits": overhead.get("podFixed", {})}, (), Options(), errors)
    if (scheduling := obj.get("scheduling")) is not None:
        labels(errors, "scheduling.nodeSelector", scheduling.get("nodeSelector"))
        validate_tolerations("scheduling.tolerations", scheduling.get("tolerations", []), errors)


def update(new: Object, old: Object, errors: Errors) -> None:
    immutable(errors, "handler", new["handler"], old["handler"])


VALIDATORS = {"RuntimeClass": Validator(create=create, update=update)}
