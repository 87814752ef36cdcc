"""`kubectl auth can-i|whoami|reconcile`. (reconcile has a file of its own.)"""

from __future__ import annotations

from typing import Any

from minikube_edu.api.output.tabwriter import TABLE, align
from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import printing
from minikube_edu.kubectl.command import Call, Command, Entry
from minikube_edu.kubectl.commands.create_role import VERBS
from minikube_edu.kubectl.failures import CommandError, Exit, Unreachable
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.mapping import NoResource

Object = dict[str, Any]

_API = "/apis/authorization.k8s.io/v1/"
_URL_VERBS = ("get", "put", "post", "head", "options", "delete", "patch", "*")
ARGUMENTS = (
    "you must specify two arguments: verb resource or verb resource/resourceName.\n"
    "See 'kubectl auth can-i -h' for help and examples."
)


async def can_i(call: Call) -> None:
    flags, args = call.flags, call.args
    if flags["list"]:
        if args:
            raise CommandError("list option must be specified with no arguments")
        await _list(call)
        return
    if len(args) not in (2, 3) or (len(args) == 3 and "/" in args[1]):
        raise CommandError(ARGUMENTS)
    verb, what = args[0], args[1]
    namespace = "" if flags["all-namespaces"] else call.factory.namespace
    if what.startswith("/"):
        if verb not in _URL_VERBS:
            call.warn(f"Warning: verb '{verb}' is not a known verb\n")
        spec: Object = {"nonResourceAttributes": {"verb": verb, "path": what}}
    else:
        spec = {"resourceAttributes": await _attributes(call, verb, what, args[2:], namespace)}
    answer = await call.factory.send(
        "POST",
        _API + "selfsubjectaccessreviews",
        {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": spec},
    )
    status = answer.get("status") or {}
    allowed = bool(status.get("allowed"))
    text = "yes" if allowed else "no"
    if status.get("reason") and not allowed:
        text += f" - {status['reason']}"
    if status.get("evaluationError"):
        text += f" - {status['evaluationError']}"
    if not flags["quiet"]:
        call.say(text)
    if not allowed:
        raise Exit(1)


async def _attributes(call: Call, verb: str, what: str, more: list[str], namespace: str) -> Object:
    flags = call.flags
    resource, _, name = what.partition("/")
    subresource = flags["subresource"]
    if more:
        name = more[0]
    if verb not in VERBS:
        call.warn(f"Warning: verb '{verb}' is not a known verb\n")
    group, plural, version = "", resource, ""
    if resource != "*":
        try:
            found = (await call.factory.mapper.find(resource)).resource
            group, plural, version = found.group, found.plural, ""
            if not found.namespaced and not flags["all-namespaces"]:
                call.warn(
                    f"Warning: resource '{found.plural}' is not namespace scoped"
                    + (f" in group '{found.group}'" if found.group else "")
                    + "\n"
                )
                namespace = ""
        except NoResource:
            plural, _, group = resource.partition(".")
            text = f"Warning: the server doesn't have a resource type '{plural}'" + (
                f" in group '{group}'" if group else ""
            )
            call.warn(text + "\n")
        except Unreachable:
            call.warn(f"Warning: the server doesn't have a resource type '{resource}'\n")
    attributes = {
        "namespace": namespace,
        "verb": verb,
        "group": group,
        "version": version,
        "resource": plural,
        "subresource": subresource,
        "name": name,
    }
    return {key: value for key, value in attributes.items() if value}


async def _list(call: Call) -> None:
    answer = await call.factory.send(
        "POST",
        _API + "selfsubjectrulesreviews",
        {
            "kind": "SelfSubjectRulesReview",
            "apiVersion": "authorization.k8s.io/v1",
            "spec": {"namespace": call.factory.namespace},
        },
    )
    status = answer.get("status") or {}
    if status.get("incomplete"):
        why = f": {status['evaluationError']}" if status.get("evaluationError") else ""
        call.warn(f"warning: the list may be incomplete{why}")
    rows = []
    if not call.flags["no-headers"]:
        rows.append("Resources\tNon-Resource URLs\tResource Names\tVerbs\n")
    rows += [line for _, line in sorted(_rules(status))]
    call.out.write(align("".join(rows), TABLE))


def _rules(status: Object) -> list[tuple[str, str]]:
    """(what to sort by: the rule as Go writes it, the line), one for each resource, name and URL."""
    verbs: dict[tuple[str, str, str], list[str]] = {}
    for rule in status.get("resourceRules") or ():
        for group in rule.get("apiGroups") or ("",):
            for resource in rule.get("resources") or ():
                for name in rule.get("resourceNames") or ("",):
                    there = verbs.setdefault((group, resource, name), [])
                    there += [verb for verb in rule.get("verbs") or () if verb not in there]
    found = []
    for (group, resource, name), those in verbs.items():
        base, slash, below = resource.partition("/")
        shown = (f"{base}.{group}" if group else base) + slash + below
        key = f"{_words(those)},[{group}],[{resource}],[{name}],[]"
        found.append((key, f"{shown}\t[]\t[{name}]\t{_words(those)}\n"))
    for rule in status.get("nonResourceRules") or ():
        texts = _words(rule.get("verbs") or ())
        urls = rule.get("nonResourceURLs") or ()
        found += [(f"{texts},[],[],[],[{url}]", f"\t[{url}]\t[]\t{texts}\n") for url in urls]
    return found


def _words(items: Any) -> str:
    return f"[{' '.join(items)}]"


async def whoami(call: Call) -> None:
    if call.args:
        raise CommandError(f"unexpected arguments: [{' '.join(call.args)}]")
    try:
        answer = await call.factory.send(
            "POST",
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"},
        )
    except ApiError as error:
        if error.not_found:
            raise CommandError(
                "the selfsubjectreviews API is not enabled in the cluster\nenable APISelfSubjectReview feature "
                "gate and authentication.k8s.io/v1alpha1 or authentication.k8s.io/v1beta1 API"
            ) from None
        raise
    if call.flags["output"] or call.flags["template"]:
        order: Object = {key: answer[key] for key in ("kind", "apiVersion", "metadata", "status") if key in answer}
        printing.shower(call, "", typed=True)(order)
        return
    user = (answer.get("status") or {}).get("userInfo") or {}
    rows = ["ATTRIBUTE\tVALUE\n"]
    for label, key in (("Username", "username"), ("UID", "uid")):
        if user.get(key):
            rows.append(f"{label}\t{user[key]}\n")
    if user.get("groups"):
        rows.append(f"Groups\t{_words(user['groups'])}\n")
    rows += [f"Extra: {key}\t{_words(value)}\n" for key, value in sorted((user.get("extra") or {}).items())]
    call.out.write(align("".join(rows), TABLE))


COMMANDS = {
    "auth": Command(
        "auth",
        None,
        use="[flags]",
        long="Inspect authorization.",
        subcommands=(
            Entry("can-i", "Check whether an action is allowed", "auth"),
            Entry(
                "reconcile",
                "Reconciles rules for RBAC role, role binding, cluster role, and cluster role binding objects",
                "auth_reconcile",
            ),
            Entry("whoami", "Experimental: Check self subject attributes", "auth"),
        ),
    ),
    "can-i": Command(
        "can-i",
        can_i,
        use="VERB [TYPE | TYPE/NAME | NONRESOURCEURL]",
        discovery_tries=2,
        long="""Check whether an action is allowed.

 VERB is a logical Kubernetes API verb like 'get', 'list', 'watch', 'delete', etc. TYPE is a Kubernetes resource. Shortcuts and groups will be resolved. NONRESOURCEURL is a partial URL that starts with "/". NAME is the name of a particular Kubernetes resource.""",  # noqa: E501  # the real text
        examples="""# Check to see if I can create pods in any namespace
kubectl auth can-i create pods --all-namespaces

# Check to see if I can list deployments in my current namespace
kubectl auth can-i list deployments.apps

# Check to see if service account "foo" of namespace "dev" can list pods in the namespace "prod"
# You must be allowed to use impersonation for the global option "--as"
kubectl auth can-i list pods --as=system:serviceaccount:dev:foo -n prod

# Check to see if I can do everything in my current namespace ("*" means all)
kubectl auth can-i '*' '*'

# Check to see if I can get the job named "bar" in namespace "foo"
kubectl auth can-i list jobs.batch/bar -n foo

# Check to see if I can read pod logs
kubectl auth can-i get pods --subresource=log

# Check to see if I can access the URL /logs/
kubectl auth can-i get /logs/

# Check to see if I can approve certificates.k8s.io
kubectl auth can-i approve certificates.k8s.io

# List all allowed actions in namespace "foo"
kubectl auth can-i --list --namespace=foo""",
        flags=(
            *groups.ALL_NAMESPACES,
            Flag("list", "bool", help="Print all that is allowed."),
            Flag("no-headers", "bool", help="Tables without the line of headers."),
            Flag("quiet", "bool", short="q", help="Suppress output and just return the exit code."),
            Flag("subresource", help="SubResource such as pod/log or deployment/scale"),
        ),
    ),
    "whoami": Command("whoami", whoami, long="Who the server takes you for, after authentication.", flags=groups.PRINT),
}
