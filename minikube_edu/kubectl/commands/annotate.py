"""`kubectl annotate`."""

from __future__ import annotations

from minikube_edu.kubectl import marking, pairs
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.recording import CAUSE


def _check(there: dict[str, str], put: dict[str, str]) -> None:
    taken = [
        f"'{name}' already has a value ({there[name]})"
        for name, value in put.items()
        if name in there and there[name] != value and name != CAUSE
    ]
    if taken:
        raise CommandError(f"--overwrite is false but found the following declared annotation(s): {'; '.join(taken)}")


_ANNOTATIONS = marking.Kind(
    "annotations",
    "annotation",
    pairs.annotation_changes,
    _check,
    lambda added, removed: "annotated",
    always_patches=True,
)


async def run(call: Call) -> None:
    await marking.run(call, _ANNOTATIONS)


COMMAND = Command(
    "annotate",
    run,
    use="[--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version]",
    long="Update the annotations on one or more resources. A key with a minus behind it is removed.",
    examples="""# Update pod 'foo' with the annotation 'description' and the value 'my frontend'
kubectl annotate pods foo description='my frontend'

# Remove the annotation 'description' of pod 'foo'
kubectl annotate pods foo description-""",
    flags=marking.flags("annotations", "kubectl-annotate"),
)
