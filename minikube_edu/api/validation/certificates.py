"""What makes a certificate signing request wrong.

A request is immutable but for its status: /approval may add Approved or Denied, /status may set the certificate once.
What was wrong with a stored object is tolerated when it is updated.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Object, Validator
from minikube_edu.lib.gotext import quote

APPROVED, DENIED, FAILED = "Approved", "Denied", "Failed"
LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
LONGEST_SIGNER = 571  # a domain, a namespace and a name
SHORTEST = 600  # seconds
USAGES = (
    "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment",
    "decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel",
    "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime",
    "server auth", "signing", "timestamping",
)  # fmt: skip

_EXCLUSIVE = "Approved and Denied conditions are mutually exclusive"
_block = re.compile(rb"-----BEGIN ([^\n-]*)-----\s*?\n(.*?)-----END \1-----", re.DOTALL)


def any_name(_: str) -> list[str]:
    """Requests may be called anything."""
    return []


def signer_name(path: str, name: str, errors: Errors) -> None:
    """`example.com/signer`, with room for a namespaced signer's `<namespace>.<name>`."""
    if not name:
        errors.required(path)
        return
    parts = name.split("/")
    if len(parts) != 2:
        errors.invalid(path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")
        return
    domain, rest = parts
    if len(domain) > 253:
        errors.too_long(path, 253)
    labels = domain.split(".")
    _first_bad_label(path, domain, labels, names.dns1123_label, errors)
    if len(labels) < 2:
        errors.invalid(path, domain, "should be a domain with at least two segments separated by dots")
    _first_bad_label(path, rest, rest.split("."), names.dns1123_subdomain, errors)
    if len(name) > LONGEST_SIGNER:
        errors.too_long(path, LONGEST_SIGNER)


def _first_bad_label(
    path: str, value: str, labels: list[str], rule: Callable[[str], list[str]], errors: Errors
) -> None:
    for label in labels:
        if problems := rule(label):
            errors.invalid_each(path, value, [f"validating label {quote(label)}: {problem}" for problem in problems])
            return


def _request_problem(encoded: str) -> str:
    """What is wrong with the PEM text of a request; "" when nothing is."""
    pem = base64.b64decode(encoded)
    block = _block.search(pem)
    if block is None or block[1] != b"CERTIFICATE REQUEST":
        return "PEM block type must be CERTIFICATE REQUEST"
    from minikube_edu.lib import subject

    try:
        subject.load_request(pem)
    except subject.Invalid as error:
        return str(error)
    return ""


def _certificate_problem(encoded: str) -> str:
    """What is wrong with an issued certificate (a PEM text of one or more)."""
    if not encoded:
        return ""
    blocks = list(_block.finditer(base64.b64decode(encoded)))
    for block in blocks:
        if block[1] != b"CERTIFICATE":
            return f"only CERTIFICATE PEM blocks are allowed, found {quote(block[1].decode(errors='replace'))}"
        if b":" in block[2]:
            return "no PEM block headers are permitted"
        from minikube_edu.lib import subject

        try:
            for der in subject.certificates_der(block[0]):
                subject.subject_of(der)
        except subject.Invalid as error:
            return str(error)
    return "" if blocks else "must contain at least one CERTIFICATE PEM block"


def _validate(obj: Object, old: Object | None, errors: Errors) -> None:
    spec = obj["spec"]
    if problem := _request_problem(spec["request"] or ""):
        errors.invalid("spec.request", spec["request"] or "", problem)
    _usages(spec.get("usages") or [], (old or {}).get("spec", {}).get("usages") or [], errors)
    signer = spec["signerName"]
    if signer == LEGACY_SIGNER and not (old and old["spec"]["signerName"] == LEGACY_SIGNER):
        errors.invalid("spec.signerName", signer, "the legacy signerName is not allowed via this API version")
    else:
        signer_name("spec.signerName", signer, errors)
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < SHORTEST:
        what = f"may not specify a duration less than {SHORTEST} seconds (10 minutes)"
        errors.invalid("spec.expirationSeconds", seconds, what)
    _conditions(_conditions_of(obj), _conditions_of(old) if old else [], errors)
    certificate, before = _certificate(obj), _certificate(old) if old else None
    if (before is None or (certificate != before and not _certificate_problem(before))) and (
        problem := _certificate_problem(certificate)
    ):
        errors.invalid("status.certificate", "<certificate data>", problem)


def _usages(usages: list[str], before: list[str], errors: Errors) -> None:
    if not usages:
        errors.required("spec.usages")
    if set(before) <= set(USAGES):
        for index, usage in enumerate(usages):
            if usage not in USAGES:
                errors.not_supported(f"spec.usages[{index}]", usage, USAGES)
    if len(set(before)) == len(before):
        for index, usage in enumerate(usages):
            if usage in usages[:index]:
                errors.duplicate(f"spec.usages[{index}]", usage)


def _conditions_of(obj: Object) -> list[Object]:
    found: list[Object] = obj.get("status", {}).get("conditions") or []
    return found


def _certificate(obj: Object) -> str:
    return obj.get("status", {}).get("certificate") or ""


def _conditions(conditions: list[Object], before: list[Object], errors: Errors) -> None:
    had = [condition["type"] for condition in before]
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        path, kind, status = f"status.conditions[{index}]", condition["type"], condition["status"]
        if not kind and "" not in had:
            errors.required(f"{path}.type")
        allowed = ["True"] if kind in (APPROVED, DENIED, FAILED) else ["False", "True", "Unknown"]
        if not status:
            errors.required(f"{path}.status")
        elif status not in allowed:
            errors.not_supported(f"{path}.status", status, allowed)
        if not {APPROVED, DENIED} <= set(had) and {APPROVED, DENIED} <= seen | {kind} and kind in (APPROVED, DENIED):
            errors.invalid(f"{path}.type", kind, _EXCLUSIVE)
        if kind in seen and len(set(had)) == len(had):
            errors.duplicate(f"{path}.type", kind)
        seen.add(kind)


def _changes(new: Object, old: Object, errors: Errors, *, approving: bool, issuing: bool) -> None:
    """What this kind of update may not change."""
    _validate(new, old, errors)
    for kind in (APPROVED, DENIED, FAILED):
        if len(_of_type(new, kind)) < len(_of_type(old, kind)):
            errors.forbidden("status.conditions", f"updates may not remove a condition of type {quote(kind)}")
    for kind in () if approving else (APPROVED, DENIED):
        now, before = _of_type(new, kind), _of_type(old, kind)
        if len(now) > len(before):
            errors.forbidden("status.conditions", f"updates may not add a condition of type {quote(kind)}")
        elif len(now) == len(before) and now != before:
            errors.forbidden("status.conditions", f"updates may not modify a condition of type {quote(kind)}")
    if _certificate(new) != _certificate(old):
        if not issuing:
            errors.forbidden("status.certificate", "updates may not set certificate content")
        elif _certificate(old):
            errors.forbidden("status.certificate", "updates may not modify existing certificate content")


def _of_type(obj: Object, kind: str) -> list[Object]:
    return [condition for condition in _conditions_of(obj) if condition["type"] == kind]


def _update(*, approving: bool = False, issuing: bool = False) -> Callable[[Object, Object, Errors], None]:
    return lambda new, old, errors: _changes(new, old, errors, approving=approving, issuing=issuing)


VALIDATORS = {
    "CertificateSigningRequest": Validator(
        name=any_name,
        create=lambda obj, errors: _validate(obj, None, errors),
        update=_update(),
        subresources=(("status", _update(issuing=True)), ("approval", _update(approving=True))),
    )
}
