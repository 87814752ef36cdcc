"""`kubectl explain`: what fields a kind has, in the server's own words."""

from __future__ import annotations

from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag


async def run(call: Call) -> None:
    if not call.args:
        raise CommandError(
            'You must specify the type of resource to explain. Use "kubectl api-resources" for a complete list of '
            "supported resources."
        )
    if len(call.args) > 1:
        raise CommandError("We accept only this format: explain RESOURCE")
    from minikube_edu.kubectl import explaining

    await explaining.explain(call)


COMMAND = Command(
    "explain",
    run,
    use="TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group] [-o|--output=plaintext|plaintext-openapiv2]",
    long="Describe fields and structure of various resources.",
    discovery_tries=2,
    examples="""# Get the documentation of the resource and its fields
kubectl explain pods

# Get all the fields in the resource
kubectl explain pods --recursive

# Get the explanation for deployment in supported api versions
kubectl explain deployments --api-version=apps/v1

# Get the documentation of a specific field of a resource
kubectl explain pods.spec.containers

# Get the documentation of resources in different format
kubectl explain deployment --output=plaintext-openapiv2""",
    flags=(
        Flag("api-version", help="Get different explanations for particular API version (API group/version)"),
        Flag(
            "output",
            short="o",
            default="plaintext",
            help="Format in which to render the schema. Valid values are: (plaintext, plaintext-openapiv2).",
        ),
        Flag("recursive", "bool", help="Fields of fields, too."),
    ),
)
