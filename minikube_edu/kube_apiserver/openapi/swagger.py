"""OpenAPI v2, made from the v3 documents: for older clients, and for those that want everything in one file."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

OLD_REF = "#/definitions/"
_NEW_REF = "#/components/schemas/"
_KINDS = "x-kubernetes-group-version-kind"
_PRODUCED = ("text/plain", "application/json", "application/yaml", "application/vnd.kubernetes.protobuf")


def document(documents: list[Object]) -> Object:
    """All v3 documents as one of v2."""
    paths: dict[str, Object] = {}
    definitions: dict[str, Object] = {}
    for one in documents:
        for path, item in one["paths"].items():
            paths[path] = _path(item)
        for name, schema in one["components"].get("schemas", {}).items():
            if name not in definitions:
                definitions[name] = _schema(schema)
            elif schema.get(_KINDS, ()) != definitions[name].get(_KINDS, ()):  # each document names its own group
                known = definitions[name][_KINDS]
                definitions[name][_KINDS] = known + [kind for kind in schema[_KINDS] if kind not in known]
    key = {"BearerToken": {"description": "Bearer Token authentication", "type": "apiKey", "name": "authorization",
                           "in": "header"}}  # fmt: skip
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": documents[0]["info"]["version"]},
        "paths": dict(sorted(paths.items())),
        "definitions": dict(sorted(definitions.items())),
        "securityDefinitions": key,
        "security": [{"BearerToken": []}],
    }


def _schema(value: Any) -> Any:
    """Without defaults and `allOf` around a reference; what is either of several types is a string."""
    if isinstance(value, list):
        return [_schema(item) for item in value]
    if not isinstance(value, dict):
        return value
    found: Object = {}
    for name, item in value.items():
        if name == "properties" and isinstance(item, dict):
            found[name] = {field: _schema(schema) for field, schema in item.items()}
        elif name == "$ref":
            found[name] = OLD_REF + item.removeprefix(_NEW_REF)
        elif name == "allOf" and len(item) == 1:
            found |= _schema(item[0])
        elif name == "oneOf":
            found["type"] = "string"
        elif name not in ("default", "nullable", "anyOf", "allOf", "not"):
            found[name] = item if name.startswith("x-") else _schema(item)
    return found


def _path(item: Object) -> Object:
    found: Object = {method: _operation(one) for method, one in item.items() if method != "parameters"}
    if "parameters" in item:
        found["parameters"] = [_parameter(one) for one in item["parameters"]]
    return found


def _parameter(one: Object) -> Object:
    return {**{name: value for name, value in one.items() if name != "schema"}, **one["schema"]}


def _operation(one: Object) -> Object:
    contents = [list(response.get("content", ())) for response in one["responses"].values()]
    produced = list(dict.fromkeys(form for form in (*_PRODUCED, *contents[0]) if form in contents[0]))
    consumed = ["*/*"] if "x-kubernetes-action" in one else produced
    found: Object = {"description": one["description"], "consumes": consumed, "produces": produced,
                     "schemes": ["https"], "tags": one.get("tags", []), "operationId": one["operationId"]}  # fmt: skip
    given = [_parameter(parameter) for parameter in one.get("parameters", ())]
    if body := one.get("requestBody"):
        schema = next(iter(body["content"].values()))["schema"]
        required = {"required": True} if body.get("required") else {}
        given.insert(0, {"name": "body", "in": "body", **required, "schema": _schema(schema)})
        if "*/*" not in body["content"]:
            found["consumes"] = sorted(body["content"], key=lambda form: "apply" in form)
    if given:
        found["parameters"] = given
    found["responses"] = {code: _response(response) for code, response in one["responses"].items()}
    return {**found, **{name: value for name, value in one.items() if name.startswith("x-")}}


def _response(response: Object) -> Object:
    found: Object = {"description": response["description"]}
    for content in response.get("content", {}).values():
        found["schema"] = _schema(content["schema"])
        break
    return found
