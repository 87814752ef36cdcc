"""legacy-serviceaccount-token-cleaner-controller: tokens of old that nobody uses.

Before 1.24 every service account got a secret with a token by itself. One that is named in its account's `secrets`, in
no pod, and has not been used for a year is first marked invalid, and a year later deleted. The API server writes the
date of the last use into a label, and the day since which it does so into a ConfigMap.
"""

from __future__ import annotations

from datetime import UTC, datetime

from minikube_edu.client.errors import ApiError
from minikube_edu.kube_controller_manager.controller import Environment, Object, Periodic
from minikube_edu.kube_controller_manager.controllers.service_account_token import ACCOUNT_NAME, is_account_token
from minikube_edu.kube_controller_manager.kinds import CONFIG_MAPS, PODS, SECRETS, SERVICE_ACCOUNTS
from minikube_edu.lib import clock

DAY = 86_400.0
PERIOD = 365 * DAY
LAST_USED = "kubernetes.io/legacy-token-last-used"
INVALID_SINCE = "kubernetes.io/legacy-token-invalid-since"
TRACKED_SINCE = ("kube-system", "kube-apiserver-legacy-service-account-token-tracking", "since")


class LegacyTokenCleaner(Periodic):
    name = "legacy-serviceaccount-token-cleaner-controller"
    period = DAY

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.secrets = self.informer(SECRETS)
        self.accounts = self.informer(SERVICE_ACCOUNTS)
        self.pods = self.informer(PODS)

    async def sync(self) -> None:
        tracked = await self.tracked_since()
        if tracked is None or clock.now() - tracked < PERIOD:
            return
        mounted = {
            (pod["metadata"]["namespace"], volume["secret"].get("secretName"))
            for pod in self.pods.index.list()
            for volume in pod["spec"].get("volumes", [])
            if "secret" in volume
        }
        for secret in self.secrets.index.list():
            metadata = secret["metadata"]
            if not is_account_token(secret) or (metadata["namespace"], metadata["name"]) in mounted:
                continue
            if self.is_automatic(secret):
                await self.judge(secret)

    async def tracked_since(self) -> float | None:
        namespace, name, field = TRACKED_SINCE
        try:
            found = await self.client.get(CONFIG_MAPS, name, namespace)
        except ApiError as error:
            if not error.not_found:
                raise
            return None
        return day(found.get("data", {}).get(field, ""))

    def is_automatic(self, secret: Object) -> bool:
        metadata = secret["metadata"]
        account = self.accounts.index.find(metadata["annotations"][ACCOUNT_NAME], metadata["namespace"])
        return account is not None and any(ref.get("name") == metadata["name"] for ref in account.get("secrets", []))

    async def judge(self, secret: Object) -> None:
        metadata = secret["metadata"]
        labels, now = metadata.get("labels", {}), clock.now()
        used = day(labels.get(LAST_USED, "")) or clock.parse_rfc3339(metadata["creationTimestamp"])
        if now - used < PERIOD:
            return
        invalid = day(labels.get(INVALID_SINCE, ""))
        if invalid is None:
            today = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
            patch = {"metadata": {"labels": {INVALID_SINCE: today}, "resourceVersion": metadata["resourceVersion"]}}
            await self.client.patch(SECRETS, metadata["name"], patch, metadata["namespace"])
        elif now - invalid >= PERIOD:
            preconditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
            options = {"preconditions": preconditions}
            await self.client.delete(SECRETS, metadata["name"], metadata["namespace"], options=options)


def day(text: str) -> float | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


CONTROLLER = LegacyTokenCleaner
