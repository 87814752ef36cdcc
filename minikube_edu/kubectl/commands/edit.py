"""`kubectl edit`: the live object in an editor; what was changed is sent as a patch."""

from __future__ import annotations

from minikube_edu.kubectl import editing
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.flags import Flag


async def run(call: Call) -> None:
    await editing.edit(call)


COMMAND = Command(
    "edit",
    run,
    use="(RESOURCE/NAME | -f FILENAME)",
    long="Edit a resource from the default editor: that of KUBE_EDITOR or EDITOR, or vi.",
    examples="""# Edit the service named 'registry'
kubectl edit svc/registry

# Use an alternative editor
KUBE_EDITOR="nano" kubectl edit svc/registry""",
    flags=(
        *groups.filename("of the objects."),
        *groups.PRINT,
        *groups.VALIDATE,
        *groups.SAVE_CONFIG,
        *groups.field_manager("kubectl-edit"),
        Flag("output-patch", "bool", help="Output the patch if the resource is edited."),
        Flag("subresource", help="Edit a subresource: [status]."),
        Flag("windows-line-endings", "bool", help="Lines end as Windows ends them."),
    ),
)
