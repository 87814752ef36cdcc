"""Certificate signing requests."""

from __future__ import annotations

import base64
from typing import Any

from minikube_edu.api.tables.ages import human_duration
from minikube_edu.kubectl.describe.page import Object, Page, moment, pairs

# label -> the attribute's object identifier
_PARTS = {
    "Organization": "2.5.4.10", "Organizational Unit": "2.5.4.11", "Country": "2.5.4.6", "Locality": "2.5.4.7",
    "Province": "2.5.4.8", "StreetAddress": "2.5.4.9", "PostalCode": "2.5.4.17",
}  # fmt: skip
_COMMON_NAME, _SERIAL = "2.5.4.3", "2.5.4.5"


async def signing_request(page: Page, obj: Object, client: Any) -> None:
    from cryptography import x509

    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    try:
        request = x509.load_pem_x509_csr(base64.b64decode(spec.get("request") or ""))
    except ValueError:
        raise ValueError("Error parsing CSR: PEM block type must be CERTIFICATE REQUEST") from None
    page.named(obj, namespaced=False)
    page.field(0, "Labels", pairs(metadata.get("labels")))
    page.field(0, "Annotations", pairs(metadata.get("annotations")))
    page.field(0, "CreationTimestamp", moment(metadata.get("creationTimestamp")))
    page.field(0, "Requesting User", spec.get("username") or "")
    if spec.get("signerName"):
        page.field(0, "Signer", spec["signerName"])
    if spec.get("expirationSeconds") is not None:
        page.field(0, "Requested Duration", human_duration(spec["expirationSeconds"]))
    page.field(0, "Status", _status(status))
    subject = {
        oid: [str(part.value) for part in request.subject if part.oid.dotted_string == oid]
        for oid in (_COMMON_NAME, _SERIAL, *_PARTS.values())
    }
    page.line(0, "Subject:")
    page.columns(0, "", "Common Name:", "".join(subject[_COMMON_NAME][-1:]))
    page.columns(0, "", "Serial Number:", "".join(subject[_SERIAL][-1:]))
    for label, oid in _PARTS.items():
        _several(page, label, subject[oid])
    try:
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    page.line(0, "Subject Alternative Names:")
    _several(page, "DNS Names", names.get_values_for_type(x509.DNSName))
    _several(page, "Email Addresses", names.get_values_for_type(x509.RFC822Name))
    _several(page, "URIs", names.get_values_for_type(x509.UniformResourceIdentifier))
    _several(page, "IP Addresses", [str(address) for address in names.get_values_for_type(x509.IPAddress)])


def _several(page: Page, label: str, values: list[str]) -> None:
    if values:
        page.columns(0, "", f"{label}:", "\n\t\t".join(values))


def _status(status: Object) -> str:
    kinds = {found.get("type") for found in status.get("conditions") or ()}
    text = "Denied" if "Denied" in kinds else "Approved" if "Approved" in kinds else "Pending"
    text += ",Failed" if "Failed" in kinds else ""
    return text + (",Issued" if status.get("certificate") else "")
