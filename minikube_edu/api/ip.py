"""IP addresses and CIDRs as Kubernetes validates them.

Three strictnesses. Fields of old (`problems_ip`, `problems_cidr`) take an address in any spelling that is not
ambiguous; with strict=False also leading zeros, IPv4 inside IPv6 and host bits, for objects that are stored already.
New fields (`problems_canonical_ip`, `problems_canonical_cidr`) want the canonical spelling. `warnings_*` are the
Warning headers for the first kind. All but the parsers return lists of the real messages; the caller adds the field
and the bad value.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from minikube_edu.lib.gotext import quote

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_ZEROS = re.compile(r"(?<![0-9A-Fa-f])0+(?=[0-9A-Fa-f])")
_NOT_AN_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_NOT_A_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


def parse_ip(text: str) -> Address | None:
    """Any spelling that old Go versions took, leading zeros included; None when it is no address. IPv4 inside IPv6
    comes back as IPv4, as Go treats it."""
    address = _parse(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _parse(text: str) -> Address | None:
    if not text.isascii() or "%" in text or "/" in text:
        return None
    text = _ZEROS.sub("", text)
    try:
        return IPv6Address(text) if ":" in text else IPv4Address(text)
    except ValueError:
        return None


def _strictly(text: str) -> Address | None:
    """None when there are leading zeros."""
    try:
        return IPv6Address(text) if ":" in text else IPv4Address(text)
    except ValueError:
        return None


def _is_mapped(address: Address | None) -> bool:
    return isinstance(address, IPv6Address) and address.ipv4_mapped is not None


def parse_cidr(text: str) -> tuple[Address, Network] | None:
    """The address as written and the network around it; None when it is no CIDR."""
    host, slash, bits = text.partition("/")
    address = _parse(host)
    if address is None or not slash or not re.fullmatch("[0-9]{1,20}", bits) or int(bits) > address.max_prefixlen:
        return None
    prefix = int(bits)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if mapped is not None and prefix >= 96:
        address, prefix = mapped, prefix - 96
    if isinstance(address, IPv4Address):
        return address, IPv4Network((address, prefix), strict=False)
    return address, IPv6Network((address, prefix), strict=False)


def is_ipv6(text: str) -> bool:
    """True for an IPv6 address, False for IPv4 and for what is no address."""
    return isinstance(parse_ip(text), IPv6Address)


def is_ipv6_cidr(text: str) -> bool:
    parsed = parse_cidr(text)
    return parsed is not None and isinstance(parsed[1], IPv6Network)


def problems_ip(text: str, strict: bool = True) -> list[str]:
    address = parse_ip(text)
    if address is None:
        return [_NOT_AN_IP]
    if strict:
        written = _strictly(text)
        if written is None:
            return ["must not have leading 0s"]
        if _is_mapped(written):
            return ["must not be an IPv4-mapped IPv6 address"]
    return []


def problems_canonical_ip(text: str) -> list[str]:
    problems = problems_ip(text)
    if not problems and text != str(parse_ip(text)):
        return [f"must be in canonical form ({quote(str(parse_ip(text)))})"]
    return problems


def problems_cidr(text: str, strict: bool = True) -> list[str]:
    parsed = parse_cidr(text)
    if parsed is None:
        return [_NOT_A_CIDR]
    if strict:
        host, _, bits = text.partition("/")
        written = _strictly(host)
        if written is None or (bits[0] == "0" and bits != "0"):
            return ["must not have leading 0s in IP or prefix length"]
        if _is_mapped(written):
            return ["must not have an IPv4-mapped IPv6 address"]
        if parsed[0] != parsed[1].network_address:
            return ["must not have bits set beyond the prefix length"]
    return []


def problems_canonical_cidr(text: str) -> list[str]:
    problems = problems_cidr(text)
    parsed = parse_cidr(text)
    if not problems and parsed and text != str(parsed[1]):
        return [f"must be in canonical form ({quote(str(parsed[1]))})"]
    return problems


def problems_interface_address(text: str) -> list[str]:
    """`192.168.1.5/24`: an address together with its network's length."""
    parsed = parse_cidr(text)
    if parsed is None:
        return ["must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"]
    host, _, bits = text.partition("/")
    address, prefix = parse_ip(host), int(bits)
    if isinstance(address, IPv4Address) and prefix > 32:
        prefix -= 96  # IPv4 inside IPv6; the real one reckons so even where that makes no sense
    canonical = f"{address}/{prefix}"
    return [] if text == canonical else [f"must be in canonical form ({quote(canonical)})"]


def warnings_ip(path: str, text: str) -> list[str]:
    """For an address that `problems_ip(text, strict=False)` let pass."""
    address, written = parse_ip(text), _strictly(text)
    if address is None:
        return []
    if written is None or _is_mapped(written):
        return [f"{path}: non-standard IP address {quote(text)} is invalid: use {quote(str(address))}"]
    if isinstance(written, IPv6Address) and str(written) != text:
        shown = quote(str(written))
        return [f"{path}: IPv6 address {quote(text)} should be in RFC 5952 canonical format ({shown})"]
    return []


def warnings_cidr(path: str, text: str) -> list[str]:
    """For a CIDR that `problems_cidr(text, strict=False)` let pass."""
    parsed = parse_cidr(text)
    if parsed is None:
        return []
    address, network = parsed
    host, _, bits = text.partition("/")
    warnings = []
    if address != network.network_address:
        single = quote(f"{parse_ip(host)}/{128 if ':' in host else 32}")
        choice = f"should be {quote(str(network))} or {single}?"
        warnings.append(f"{path}: CIDR value {quote(text)} is ambiguous in this context ({choice})")
    written = _strictly(host)
    if written is None or (bits[0] == "0" and bits != "0") or _is_mapped(written):
        warnings.append(f"{path}: non-standard CIDR value {quote(text)} is invalid: use {quote(str(network))}")
    canonical = f"{address}/{network.prefixlen}"
    if not warnings and isinstance(address, IPv6Address) and canonical != text:
        warnings.append(
            f"{path}: IPv6 CIDR value {quote(text)} should be in RFC 5952 canonical format ({quote(canonical)})"
        )
    return warnings
