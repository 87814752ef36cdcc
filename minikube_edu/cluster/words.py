"""What our own commands say, in English and in Korean: chosen by --lang, MINIKUBE_EDU_LANG, or the terminal's language.

kubectl's, kubeadm's and the seats' texts are the real ones, and stay English.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

LANGUAGES = ("en", "ko")
TEXTS: dict[str, tuple[str, str]] = {
    "no-cluster": (
        "there is no cluster; make one with `minikube-edu up`",
        "클러스터가 없습니다. `minikube-edu up` 으로 만드세요",
    ),
    "ready": ("The cluster is ready.", "클러스터가 준비되었습니다."),
    "next": ("What to type next:", "다음에 입력해 볼 것:"),
    "next-nodes": ("the machines of this cluster", "이 클러스터의 노드 목록"),
    "next-run": ("start a first pod", "첫 번째 파드 시작하기"),
    "next-exec": ("look inside it", "파드 안을 들여다보기"),
    "next-shell": (
        "a shell on a node: kubeadm, crictl, etcdctl, systemctl, as a course types them",
        "노드의 셸: kubeadm, crictl, etcdctl, systemctl 을 강의 그대로 입력",
    ),
    "next-down": ("stop; everything is kept for the next `up`", "중지 (모든 것은 다음 `up` 까지 보존됩니다)"),
    "next-kubectl": ("for a kubectl of your own:", "직접 설치한 kubectl 을 쓰려면:"),
    "nothing-runs": ("nothing was running", "실행 중인 것이 없었습니다"),
    "stopped": ("stopped: {names}", "중지됨: {names}"),
    "gone": (
        "the cluster is gone; `minikube-edu up` makes a new one",
        "클러스터를 지웠습니다. `minikube-edu up` 으로 새로 만들 수 있습니다",
    ),
    "running": ("running, pid {pid}", "실행 중, pid {pid}"),
    "seat-stopped": ("stopped", "중지됨"),
    "no-node": ("there is no node {name!r}; there are: {names}", "{name!r} 노드가 없습니다. 있는 노드: {names}"),
    "none": ("none", "없음"),
    "bare-nodes": (
        "a bare cluster has no nodes of its own; `minikube-edu reset`, then `minikube-edu up`",
        "bare 클러스터에는 자체 노드가 없습니다. `minikube-edu reset` 후 `minikube-edu up` 을 실행하세요",
    ),
    "joined": ("{name} has joined the cluster", "{name} 노드가 클러스터에 합류했습니다"),
    "removed": ("{name} is gone", "{name} 노드를 지웠습니다"),
    "switched-off": ("{name} is switched off", "{name} 노드를 껐습니다"),
    "switched-on": ("{name} is switched on", "{name} 노드를 켰습니다"),
    "welcome": (
        "minikube-edu: a whole Kubernetes on this computer, for learning and for tests.",
        "minikube-edu: 학습과 테스트를 위한, 이 컴퓨터 안의 온전한 쿠버네티스.",
    ),
    "welcome-up": ("start a cluster (a second or two)", "클러스터 시작 (1~2초)"),
    "welcome-init": ("or build it step by step, as with kubeadm", "또는 kubeadm 처럼 단계별로 만들기"),
    "welcome-help": ("all commands", "모든 명령 보기"),
}


def language(environment: Mapping[str, str] = os.environ) -> str:
    for variable in ("MINIKUBE_EDU_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        code = environment.get(variable, "")[:2].lower()
        if code:
            return code if code in LANGUAGES else "en"
    return "en"


def say(key: str, **facts: object) -> str:
    """The text of a key, in the language of this process."""
    return TEXTS[key][LANGUAGES.index(language())].format(**facts)
