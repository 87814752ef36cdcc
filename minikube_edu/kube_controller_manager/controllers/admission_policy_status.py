"""validatingadmissionpolicy-status-controller: does the policy make sense for the kinds that it judges?

Every expression is checked against the schema of each kind that the policy names outright (no `*`, ten at most), as the
server publishes it: `object.spec.replica` is a warning in the policy's status, not an error, for kinds may change.
"""

from __future__ import annotations

from typing import Any

import orjson

from minikube_edu.client.discovery import RestMapper
from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Resource
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object

POLICIES = Resource(
    "admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", False, "ValidatingAdmissionPolicy"
)
MANAGER = "validatingadmissionpolicy-status"
MOST_KINDS = 10

Kind = tuple[str, str, str]


class AdmissionPolicyStatusController(Controller):
    name = "validatingadmissionpolicy-status-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.policies = self.watch(POLICIES)
        self.discovery = RestMapper(self.client)

    async def reconcile(self, key: str) -> None:
        policy = self.policies.index.get(key)
        if policy is None or policy.get("status", {}).get("observedGeneration", 0) >= policy["metadata"]["generation"]:
            return
        warnings = await self.warnings(policy["spec"])
        checking: Object = {"expressionWarnings": warnings} if warnings else {}
        wanted = {
            "apiVersion": POLICIES.api_version,
            "kind": POLICIES.kind,
            "metadata": {"name": key},
            "status": {"observedGeneration": policy["metadata"]["generation"], "typeChecking": checking},
        }
        await self.client.apply(POLICIES, wanted, field_manager=MANAGER, force=True, subresource="status")

    async def warnings(self, spec: Object) -> list[Object]:
        kinds = await self.kinds(spec)
        texts: dict[str, str] = {}
        for kind in kinds:
            schema = await self.schema(kind)
            if schema is None:
                continue
            for place, problem in problems(spec, schema):
                group, version, name = kind
                shown = f"{group}/{version}, Kind={name}" if group else f"/{version}, Kind={name}"
                texts[place] = texts.get(place, "") + f"{shown}: {problem}\n"
        return [{"fieldRef": place, "warning": text} for place, text in texts.items()]

    async def kinds(self, spec: Object) -> list[Kind]:
        """Those that the rules name without a `*`."""
        found: dict[Kind, None] = {}
        served = await self.discovery.resources()
        for rule in spec.get("matchConstraints", {}).get("resourceRules", []):
            parts = [rule.get(field, []) for field in ("apiGroups", "apiVersions", "resources")]
            if any("*" in value for part in parts for value in part):
                continue
            for one in served:
                resource = one.resource
                if resource.group in parts[0] and resource.version in parts[1] and resource.plural in parts[2]:
                    found[resource.group, resource.version, resource.kind] = None
        return sorted(found)[:MOST_KINDS]

    async def schema(self, kind: Kind) -> Object | None:
        group, version, name = kind
        path = f"/openapi/v3/apis/{group}/{version}" if group else f"/openapi/v3/api/{version}"
        try:
            reply = await self.client.sender.request("GET", path, accept=b"application/json")
        except ApiError:
            return None
        schemas = orjson.loads(reply.body).get("components", {}).get("schemas", {})
        wanted = {"group": group, "version": version, "kind": name}
        for schema in schemas.values():
            if wanted in schema.get("x-kubernetes-group-version-kind", []):
                return resolved(schema, schemas, ())
        return None


def resolved(schema: Object, schemas: dict[str, Object], above: tuple[str, ...]) -> Object:
    """Without references: what a schema refers to, in its place. Within itself a schema is of any type."""
    reference = schema.get("$ref") or next((one["$ref"] for one in schema.get("allOf", []) if "$ref" in one), None)
    if reference:
        name = reference.rpartition("/")[2]
        return (
            {"x-kubernetes-int-or-string": True} if name in above else resolved(schemas[name], schemas, (*above, name))
        )
    if schema.get("format") == "int-or-string" or "oneOf" in schema:
        return {"x-kubernetes-int-or-string": True}
    made = dict(schema)
    if "properties" in schema:
        made["properties"] = {name: resolved(inner, schemas, above) for name, inner in schema["properties"].items()}
    for field in ("items", "additionalProperties"):
        if isinstance(schema.get(field), dict):
            made[field] = resolved(schema[field], schemas, above)
    return made


def problems(spec: Object, schema: Object) -> list[tuple[str, str]]:
    """(place, the compiler's words) of each expression that does not fit the schema."""
    from minikube_edu.api.cel import CompileError, compile_expression
    from minikube_edu.api.cel.environments import admission
    from minikube_edu.api.cel.schema_types import declare
    from minikube_edu.api.cel.types import DYN, ObjectType

    declared = declare(schema)
    if declared is None:
        return []
    environment = admission(params="paramKind" in spec).extended(object=declared.type, oldObject=declared.type)
    variables: dict[str, Any] = {}
    for variable in spec.get("variables", []):
        around = environment.extended(variables=ObjectType("kubernetes.variables", fields=dict(variables)))
        try:
            variables[variable["name"]] = compile_expression(variable["expression"], around).type
        except CompileError:
            variables[variable["name"]] = DYN
    environment = environment.extended(variables=ObjectType("kubernetes.variables", fields=variables))
    found = []
    for position, validation in enumerate(spec.get("validations", [])):
        for field in ("expression", "messageExpression"):
            if validation.get(field):
                try:
                    compile_expression(validation[field], environment)
                except CompileError as error:
                    found.append((f"spec.validations[{position}].{field}", str(error)))
    return found


CONTROLLER = AdmissionPolicyStatusController
