"""Which program a command line means: the tools of a course, by their own names or as words of `minikube-edu`.

    kubectl get pods     minikube-edu kubectl get pods     minikube-edu get pods

Each has its door, imported when it is the one; what is none of these is a command of our own (cli.py, on Typer).
"""

from __future__ import annotations

from collections.abc import Sequence

PACKAGE_TOOLS = ("apt-get", "apt", "apt-mark", "apt-cache", "dpkg", "dpkg-query")  # in the shell of a node
TOOLS = ("kubectl", "kubeadm", "kubelet", "crictl", "etcdctl", "etcdutl", "systemctl", "journalctl", *PACKAGE_TOOLS)
KUBEADM_VERBS = ("init", "join")
MANY_AT_ONCE = """
Here also:
      minikube-edu join --count N             N light nodes more, in one process (see `join --count --help`).
      minikube-edu node add                   One machine more: made, booted, joined."""


def run(name: str, words: Sequence[str]) -> bool:
    """Run it, if it is one of the tools; a tool ends the process. False: it is a command of our own."""
    words = list(words)
    if name not in TOOLS:
        if not words or words[0].startswith("-"):
            return False
        if words[0] in TOOLS:
            name = words.pop(0)
        elif words[0] in KUBEADM_VERBS:
            name = "kubeadm"
            own_help = words[0] == "join" and {"-h", "--help"} & set(words)
            if own_help and not any(word.startswith("--count") for word in words):
                from minikube_edu.cluster import kubeadm_door

                code = kubeadm_door.run(words)
                print(MANY_AT_ONCE)
                raise SystemExit(code)
        else:
            from minikube_edu.cluster import kubectl_door

            if not kubectl_door.is_verb(words[0]):
                return False
            name = "kubectl"
    _open(name, words)
    return True


def _open(name: str, words: list[str]) -> None:
    if name == "kubectl":
        from minikube_edu.cluster import kubectl_door

        kubectl_door.run(words)
    elif name == "etcdctl":
        from minikube_edu.cluster import store_door
        from minikube_edu.cluster.layout import Layout

        raise SystemExit(store_door.etcdctl(Layout(), words))
    elif name == "etcdutl":
        from minikube_edu.cluster import store_door
        from minikube_edu.cluster.layout import Layout

        raise SystemExit(store_door.etcdutl(Layout(), words))
    elif name == "kubeadm" and words[:1] == ["join"] and any(word.split("=")[0] == "--count" for word in words):
        from minikube_edu.cluster.light import joining

        raise SystemExit(joining.run(words[1:]))
    elif name == "kubeadm":
        from minikube_edu.cluster import kubeadm_door

        raise SystemExit(kubeadm_door.run(words))
    elif name == "crictl":
        from minikube_edu.cluster import nodes
        from minikube_edu.cluster.layout import Layout
        from minikube_edu.container_runtime.crictl import __main__ as crictl

        nodes.enter(Layout())
        raise SystemExit(crictl.main(words))
    elif name == "kubelet":
        from minikube_edu.cluster import nodes
        from minikube_edu.cluster.layout import Layout
        from minikube_edu.kubelet import __main__ as kubelet

        nodes.enter(Layout())
        kubelet.main(words)
        raise SystemExit(0)
    elif name.startswith("dpkg"):
        from minikube_edu.cluster.service_tools import dpkg

        raise SystemExit(dpkg.main(name, words))
    elif name in PACKAGE_TOOLS:
        from minikube_edu.cluster.service_tools import apt

        raise SystemExit(apt.main(name, words))
    elif name == "systemctl":
        from minikube_edu.cluster.service_tools import systemctl

        raise SystemExit(systemctl.main(words))
    elif name == "journalctl":
        from minikube_edu.cluster.service_tools import journalctl

        raise SystemExit(journalctl.main(words))
