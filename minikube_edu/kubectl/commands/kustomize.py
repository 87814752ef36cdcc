"""`kubectl kustomize`: what a kustomization makes, printed."""

from __future__ import annotations

from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag


def run(call: Call) -> None:
    from minikube_edu.kubectl import kustomize

    if len(call.args) > 1:
        raise CommandError("specify one path to kustomization.yaml")
    text = kustomize.build(call.args[0] if call.args else ".")
    if call.flags["output"]:
        with open(call.flags["output"], "w") as file:
            file.write(text)
    else:
        call.out.write(text)


COMMAND = Command(
    "kustomize",
    run,
    use="DIR [flags]",
    long="Build a set of KRM resources using a 'kustomization.yaml' file. DIR is the current directory without one.",
    flags=(
        Flag(
            "as-current-user",
            "bool",
            help="Use the uid and gid of the command executor to run the function in the container",
        ),
        Flag("enable-alpha-plugins", "bool", help="Enable kustomize plugins"),
        Flag("enable-helm", "bool", help="Enable use of the Helm chart inflator generator."),
        Flag("env", "array", short="e", help="A list of environment variables to be used by functions"),
        Flag("helm-api-versions", "array", help="API versions that charts see"),
        Flag("helm-debug", "bool", help="Let helm tell what it does"),
        Flag("helm-kube-version", help="The version of Kubernetes that charts see"),
        Flag("helm-command", default="helm", help="helm command (path to executable)"),
        Flag(
            "load-restrictor",
            default="LoadRestrictionsRootOnly",
            help="If set to 'LoadRestrictionsNone', local kustomizations may load files from outside their root.",
        ),
        Flag("mount", "array", help="A list of storage options read from the filesystem"),
        Flag("network", "bool", help="Enable network access for functions that declare it"),
        Flag("network-name", default="bridge", help="The docker network to run the container in"),
        Flag("output", short="o", help="If specified, write output to this path."),
        Flag("reorder", default="legacy", hidden=True),
    ),
)
