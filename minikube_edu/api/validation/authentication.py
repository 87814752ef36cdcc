"""What makes a request for a service account's token wrong. Reviews of tokens are answered, not judged."""

from __future__ import annotations

from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Object, Validator
from minikube_edu.api.validation.authorization import any_name

SHORTEST, LONGEST = 600, 1 << 32  # seconds


def token_request(obj: Object, errors: Errors) -> None:
    seconds, path = obj["spec"]["expirationSeconds"], "spec.expirationSeconds"
    if seconds < SHORTEST:
        errors.invalid(path, seconds, "may not specify a duration less than 10 minutes")
    if seconds > LONGEST:
        errors.invalid(path, seconds, "may not specify a duration larger than 2^32 seconds")


VALIDATORS = {
    "TokenRequest": Validator(any_name, token_request),
    "TokenReview": Validator(any_name),
    "SelfSubjectReview": Validator(any_name),
}
