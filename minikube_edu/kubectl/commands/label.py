"""`kubectl label`."""

from __future__ import annotations

from minikube_edu.kubectl import marking, pairs
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, raise_all


def _check(there: dict[str, str], put: dict[str, str]) -> None:
    raise_all(
        [
            CommandError(f"'{name}' already has a value ({there[name]}), and --overwrite is false")
            for name, value in put.items()
            if name in there and there[name] != value
        ]
    )


def _done(added: bool, removed: bool) -> str:
    return {(True, True): "modified", (True, False): "labeled", (False, True): "unlabeled"}.get(
        (added, removed), "not labeled"
    )


_LABELS = marking.Kind("labels", "label", pairs.label_changes, _check, _done, tells_missing=True)


async def run(call: Call) -> None:
    await marking.run(call, _LABELS)


COMMAND = Command(
    "label",
    run,
    use="[--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version]",
    long="Update the labels on a resource. A key with a minus behind it is removed.",
    examples="""# Update pod 'foo' with the label 'unhealthy' and the value 'true'
kubectl label pods foo unhealthy=true

# Update pod 'foo' with the label 'status' and the value 'unhealthy', overwriting any existing value
kubectl label --overwrite pods foo status=unhealthy

# Remove the label 'bar' of pod 'foo'
kubectl label pods foo bar-""",
    flags=marking.flags("labels", "kubectl-label"),
)
