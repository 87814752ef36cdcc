"""The functions that expressions may call, with their types: the standard ones, CEL's extensions, and those of
Kubernetes.

One line a function: `name` or `receiver.name`, its arguments and its result; capital letters stand for any type. The
table is parsed at the first use.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from minikube_edu.api.cel.types import Type, parse_type

AUTHORIZER = "kubernetes.authorization.Authorizer"
GROUP_CHECK = "kubernetes.authorization.GroupCheck"
RESOURCE_CHECK = "kubernetes.authorization.ResourceCheck"
PATH_CHECK = "kubernetes.authorization.PathCheck"
DECISION = "kubernetes.authorization.Decision"
_NUMBERS = ("int", "uint", "double")

_STANDARD = """
_&&_(bool,bool) bool|_||_(bool,bool) bool|!_(bool) bool|_?_:_(bool,A,A) A
_==_(A,A) bool|_!=_(A,A) bool
_+_(int,int) int|_+_(uint,uint) uint|_+_(double,double) double|_+_(string,string) string|_+_(bytes,bytes) bytes
_+_(list(A),list(A)) list(A)|_+_(timestamp,duration) timestamp|_+_(duration,timestamp) timestamp
_+_(duration,duration) duration
_-_(int,int) int|_-_(uint,uint) uint|_-_(double,double) double|_-_(timestamp,timestamp) duration
_-_(timestamp,duration) timestamp|_-_(duration,duration) duration
_*_(int,int) int|_*_(uint,uint) uint|_*_(double,double) double|_/_(int,int) int|_/_(uint,uint) uint
_/_(double,double) double|_%_(int,int) int|_%_(uint,uint) uint|-_(int) int|-_(double) double
@in(A,list(A)) bool|@in(A,map(A,B)) bool
_[_](list(A),int) A|_[_](map(A,B),A) B|_[_](optional_type(list(A)),int) optional_type(A)
_[_](optional_type(map(A,B)),A) optional_type(B)|_[?_](list(A),int) optional_type(A)
_[?_](map(A,B),A) optional_type(B)|_[?_](optional_type(list(A)),int) optional_type(A)
_[?_](optional_type(map(A,B)),A) optional_type(B)
size(string) int|size(bytes) int|size(list(A)) int|size(map(A,B)) int
string.size() int|bytes.size() int|list(A).size() int|map(A,B).size() int
string.contains(string) bool|string.startsWith(string) bool|string.endsWith(string) bool
string.matches(string) bool|matches(string,string) bool
type(A) type(A)|dyn(A) dyn|bool(bool) bool|bool(string) bool|bytes(bytes) bytes|bytes(string) bytes
double(double) double|double(int) double|double(uint) double|double(string) double
duration(duration) duration|duration(string) duration|timestamp(timestamp) timestamp|timestamp(string) timestamp
timestamp(int) timestamp
int(int) int|int(uint) int|int(double) int|int(string) int|int(timestamp) int|int(duration) int
uint(uint) uint|uint(int) uint|uint(double) uint|uint(string) uint
string(string) string|string(bool) string|string(int) string|string(uint) string|string(double) string
string(bytes) string|string(timestamp) string|string(duration) string
optional_type.of(A) optional_type(A)|optional_type.ofNonZeroValue(A) optional_type(A)
optional_type.none() optional_type(A)|optional_type(A).hasValue() bool|optional_type(A).value() A
optional_type(A).or(optional_type(A)) optional_type(A)|optional_type(A).orValue(A) A
"""
_EXTENSIONS = """
string.charAt(int) string|string.format(list(dyn)) string|string.indexOf(string) int|string.indexOf(string,int) int
list(string).join() string|list(string).join(string) string|string.lastIndexOf(string) int
string.lastIndexOf(string,int) int|string.lowerAscii() string|string.upperAscii() string
string.replace(string,string) string|string.replace(string,string,int) string|string.split(string) list(string)
string.split(string,int) list(string)|string.substring(int) string|string.substring(int,int) string
string.trim() string|strings.quote(string) string
sets.contains(list(A),list(A)) bool|sets.equivalent(list(A),list(A)) bool|sets.intersects(list(A),list(A)) bool
list(A).slice(int,int) list(A)|list(A).flatten() list(dyn)|list(A).flatten(int) list(dyn)|list(A).sort() list(A)
list(A).distinct() list(A)|list(A).reverse() list(A)|lists.range(int) list(int)|list(A).first() optional_type(A)
list(A).last() optional_type(A)
"""
_KUBERNETES = f"""
list(A).isSorted() bool|list(A).min() A|list(A).max() A|list(A).indexOf(A) int|list(A).lastIndexOf(A) int
list(int).sum() int|list(uint).sum() uint|list(double).sum() double|list(duration).sum() duration
string.find(string) string|string.findAll(string) list(string)|string.findAll(string,int) list(string)
url(string) kubernetes.URL|isURL(string) bool|kubernetes.URL.getScheme() string|kubernetes.URL.getHost() string
kubernetes.URL.getHostname() string|kubernetes.URL.getPort() string|kubernetes.URL.getEscapedPath() string
kubernetes.URL.getQuery() map(string,list(string))
quantity(string) kubernetes.Quantity|isQuantity(string) bool|kubernetes.Quantity.sign() int
kubernetes.Quantity.add(kubernetes.Quantity) kubernetes.Quantity|kubernetes.Quantity.add(int) kubernetes.Quantity
kubernetes.Quantity.sub(kubernetes.Quantity) kubernetes.Quantity|kubernetes.Quantity.sub(int) kubernetes.Quantity
kubernetes.Quantity.isLessThan(kubernetes.Quantity) bool|kubernetes.Quantity.isGreaterThan(kubernetes.Quantity) bool
kubernetes.Quantity.compareTo(kubernetes.Quantity) int|kubernetes.Quantity.asInteger() int
kubernetes.Quantity.isInteger() bool|kubernetes.Quantity.asApproximateFloat() double
ip(string) net.IP|isIP(string) bool|ip.isCanonical(string) bool|net.IP.family() int|net.IP.isUnspecified() bool
net.IP.isLoopback() bool|net.IP.isLinkLocalMulticast() bool|net.IP.isLinkLocalUnicast() bool
net.IP.isGlobalUnicast() bool|string(net.IP) string
cidr(string) net.CIDR|isCIDR(string) bool|net.CIDR.containsIP(string) bool|net.CIDR.containsIP(net.IP) bool
net.CIDR.containsCIDR(string) bool|net.CIDR.containsCIDR(net.CIDR) bool|net.CIDR.ip() net.IP
net.CIDR.prefixLength() int|net.CIDR.masked() net.CIDR|string(net.CIDR) string
format.named(string) optional_type(kubernetes.NamedFormat)|format.dns1123Label() kubernetes.NamedFormat
format.dns1123Subdomain() kubernetes.NamedFormat|format.dns1035Label() kubernetes.NamedFormat
format.dns1123LabelPrefix() kubernetes.NamedFormat|format.dns1123SubdomainPrefix() kubernetes.NamedFormat
format.dns1035LabelPrefix() kubernetes.NamedFormat|format.qualifiedName() kubernetes.NamedFormat
format.labelValue() kubernetes.NamedFormat|format.uri() kubernetes.NamedFormat|format.uuid() kubernetes.NamedFormat
format.byte() kubernetes.NamedFormat|format.date() kubernetes.NamedFormat|format.datetime() kubernetes.NamedFormat
kubernetes.NamedFormat.validate(string) optional_type(list(string))
semver(string) kubernetes.Semver|semver(string,bool) kubernetes.Semver|isSemver(string) bool|isSemver(string,bool) bool
kubernetes.Semver.isLessThan(kubernetes.Semver) bool|kubernetes.Semver.isGreaterThan(kubernetes.Semver) bool
kubernetes.Semver.compareTo(kubernetes.Semver) int|kubernetes.Semver.major() int|kubernetes.Semver.minor() int
kubernetes.Semver.patch() int
{AUTHORIZER}.path(string) {PATH_CHECK}|{PATH_CHECK}.check(string) {DECISION}
{AUTHORIZER}.group(string) {GROUP_CHECK}|{AUTHORIZER}.serviceAccount(string,string) {AUTHORIZER}
{GROUP_CHECK}.resource(string) {RESOURCE_CHECK}|{RESOURCE_CHECK}.subresource(string) {RESOURCE_CHECK}
{RESOURCE_CHECK}.namespace(string) {RESOURCE_CHECK}|{RESOURCE_CHECK}.name(string) {RESOURCE_CHECK}
{RESOURCE_CHECK}.fieldSelector(string) {RESOURCE_CHECK}|{RESOURCE_CHECK}.labelSelector(string) {RESOURCE_CHECK}
{RESOURCE_CHECK}.check(string) {DECISION}|{DECISION}.errored() bool|{DECISION}.error() string
{DECISION}.allowed() bool|{DECISION}.reason() string
jsonpatch.escapeKey(string) string
"""
_TIMES = ("getHours", "getMinutes", "getSeconds", "getMilliseconds")
_DATES = ("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear")


class Overload(NamedTuple):
    receiver: bool  # the first argument stands before the dot
    arguments: tuple[Type, ...]
    result: Type


# Functions whose names hold a dot that is no receiver.
NAMESPACES = ("sets", "lists", "strings", "optional", "format", "jsonpatch")


@cache
def table() -> dict[str, list[Overload]]:
    found: dict[str, list[Overload]] = {}
    for text in (_STANDARD, _EXTENSIONS, _KUBERNETES):
        for line in text.replace("\n", "|").split("|"):
            if line.count("(") and not line.startswith(("_", "&", "(")):
                _add(found, line)
    for line in _operators():
        _add(found, line)
    for name in _DATES + _TIMES:
        _add(found, f"timestamp.{name}() int")
        _add(found, f"timestamp.{name}(string) int")
    for name in _TIMES:
        _add(found, f"duration.{name}() int")
    return found


def _operators() -> list[str]:
    """Operators have bars in their names, so that they are not split at bars; and comparisons are many."""
    lines = [piece for line in _STANDARD.split("\n") for piece in line.replace("_||_", "OR").split("|")]
    found = [line.replace("OR", "_||_") for line in lines if line.startswith(("_", "OR"))]
    for operator in ("<", "<=", ">", ">="):
        found += [f"_{operator}_({kind},{kind}) bool" for kind in ("bool", "string", "bytes", "timestamp", "duration")]
        found += [f"_{operator}_({left},{right}) bool" for left in _NUMBERS for right in _NUMBERS]
    return found


def _add(found: dict[str, list[Overload]], line: str) -> None:
    line = line.strip()
    signature, _, result = line.rpartition(" ")
    opening = _matching(signature)
    name, inner = signature[:opening], signature[opening + 1 : -1]
    arguments = parse_type(f"x({inner})").parameters if inner else ()
    receiver, dot, last = name.rpartition(".")
    if name.startswith("optional_type.") and receiver == "optional_type":
        name, dot = f"optional.{last}", ""
    elif receiver in NAMESPACES or name == "ip.isCanonical":
        dot = ""
    if dot:
        overload = Overload(True, (parse_type(receiver), *arguments), parse_type(result))
        found.setdefault(last, []).append(overload)
    else:
        found.setdefault(name, []).append(Overload(False, arguments, parse_type(result)))


def _matching(signature: str) -> int:
    """Where the last parenthesis of the signature opens."""
    depth = 0
    for index in range(len(signature) - 1, -1, -1):
        depth += (signature[index] == ")") - (signature[index] == "(")
        if depth == 0:
            return index
    raise ValueError(signature)
