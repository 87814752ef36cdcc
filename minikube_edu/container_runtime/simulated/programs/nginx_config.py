"""nginx's configuration: the language (directives, blocks, quotes, include) and what servers are made of it.

Errors are worded as `nginx -t` does, with file and line.

The file is long because it lists all directives that nginx knows.
"""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct, field
from msgspec.structs import replace

from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.programs.nginx_patterns import compiled, search


class ConfigurationError(Exception):
    """Its text is what follows `[emerg] ` in nginx's complaint."""


class Directive(Struct):
    name: str
    args: list[str]
    file: str
    line: int
    block: list[Directive] | None = None
    includes: bool = False  # somewhere inside, in the file's own text

    def all(self, name: str) -> list[Directive]:
        return [one for one in self.block or [] if one.name == name]

    def first(self, name: str) -> Directive | None:
        return next((one for one in self.block or [] if one.name == name), None)

    def where(self) -> str:
        return f"{self.file}:{self.line}"


TOKEN = re.compile(r"""\s+|\#[^\n]*|(?P<mark>[{};])|"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>(?:\\.|[^'\\])*)'"""
                   r"""|(?P<word>(?:\\.|\$\{[^}]*\}|[^\s{};"'\\])(?:\\.|\$\{[^}]*\}|[^\s{};\\])*)""", re.S)  # fmt: skip

ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
KNOWN = frozenset(
    [
        "user",
        "worker_processes",
        "worker_connections",
        "worker_rlimit_nofile",
        "worker_priority",
        "error_log",
        "pid",
        "events",
        "http",
        "server",
        "location",
        "listen",
        "server_name",
        "root",
        "index",
        "return",
        "proxy_pass",
        "error_page",
        "autoindex",
        "stub_status",
        "access_log",
        "log_format",
        "include",
        "default_type",
        "types",
        "sendfile",
        "tcp_nopush",
        "tcp_nodelay",
        "keepalive_timeout",
        "keepalive_requests",
        "gzip",
        "gzip_types",
        "gzip_min_length",
        "gzip_vary",
        "gzip_proxied",
        "gzip_comp_level",
        "gzip_disable",
        "gzip_http_version",
        "upstream",
        "try_files",
        "rewrite",
        "if",
        "set",
        "alias",
        "proxy_set_header",
        "proxy_http_version",
        "proxy_read_timeout",
        "proxy_connect_timeout",
        "proxy_send_timeout",
        "proxy_redirect",
        "proxy_buffering",
        "proxy_cache",
        "proxy_cache_bypass",
        "proxy_buffer_size",
        "proxy_buffers",
        "client_max_body_size",
        "client_body_timeout",
        "client_header_timeout",
        "send_timeout",
        "add_header",
        "expires",
        "charset",
        "allow",
        "deny",
        "auth_basic",
        "auth_basic_user_file",
        "ssl_certificate",
        "ssl_certificate_key",
        "ssl_protocols",
        "ssl_ciphers",
        "ssl_prefer_server_ciphers",
        "ssl_session_cache",
        "ssl_session_timeout",
        "resolver",
        "server_tokens",
        "daemon",
        "master_process",
        "load_module",
        "map",
        "geo",
        "limit_req",
        "limit_req_zone",
        "limit_conn",
        "limit_conn_zone",
        "fastcgi_pass",
        "fastcgi_param",
        "fastcgi_index",
        "fastcgi_split_path_info",
        "internal",
        "use",
        "multi_accept",
        "stream",
        "env",
        "types_hash_max_size",
        "types_hash_bucket_size",
        "server_names_hash_bucket_size",
        "log_not_found",
        "ssl",
        "keepalive",
        "least_conn",
        "ip_hash",
        "hash",
        "random",
        "zone",
        "real_ip_header",
        "set_real_ip_from",
        "underscores_in_headers",
        "absolute_redirect",
        "port_in_redirect",
        "large_client_header_buffers",
        "client_body_buffer_size",
        "client_header_buffer_size",
        "client_body_temp_path",
        "proxy_temp_path",
        "fastcgi_temp_path",
        "uwsgi_temp_path",
        "scgi_temp_path",
        "proxy_hide_header",
        "proxy_pass_header",
        "proxy_intercept_errors",
        "proxy_next_upstream",
        "proxy_ssl_verify",
        "proxy_ssl_server_name",
        "proxy_cache_path",
        "sub_filter",
        "sub_filter_once",
        "reset_timedout_connection",
        "open_file_cache",
        "http2",
        "aio",
        "directio",
        "output_buffers",
        "etag",
        "satisfy",
        "mirror",
        "break",
        "disable_symlinks",
        "split_clients",
        "variables_hash_max_size",
        "recursive_error_pages",
        "lock_file",
        "thread_pool",
        "pcre_jit",
        "js_import",
        "js_content",
        "ssl_client_certificate",
        "ssl_verify_client",
        "ssl_dhparam",
        "ssl_stapling",
        "working_directory",
    ]
)


async def load(process: Process, path: str, sources: dict[str, str] | None = None) -> list[Directive]:
    """The whole configuration, with its includes in place; `sources` gets the files' text, for `nginx -T`."""
    try:
        source = (await process.read_file(path)).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise ConfigurationError(f'open() "{path}" failed ({error.errno}: {reason(error)})') from None
    sources = {} if sources is None else sources
    sources[path] = source
    return await _included(process, _parse(source, path), sources)


@lru_cache(maxsize=256)
def _parse(source: str, path: str) -> Directive:
    """A file's directives below a root of their own. Ten thousand pods share one tree: nobody changes it."""
    root = Directive("main", [], path, 0, [])
    stack, words, line, at, started = [root], list[str](), 1, 0, 1
    while at < len(source):
        match = TOKEN.match(source, at)
        if match is None:
            raise ConfigurationError(f'unexpected end of file, expecting ";" or "}}" in {path}:{line}')
        mark = match["mark"]
        if mark is None:
            word = match["word"] if match["word"] is not None else match["double"]
            word = word if word is not None else match["single"]
            if word is not None:
                if not words:
                    started = line
                words.append(re.sub(r"\\([\"'\\ ;ntr])", lambda found: ESCAPES.get(found[1], found[1]), word))
        elif mark == "}":
            if words:
                raise ConfigurationError(f'unexpected "}}" in {path}:{line}')
            if len(stack) == 1:
                raise ConfigurationError(f'unexpected "}}" in {path}:{line}')
            stack.pop()
        elif not words:
            raise ConfigurationError(f'unexpected "{mark}" in {path}:{line}')
        else:
            _add(stack, words, path, started, line, mark == "{")
            words = []
        line += source.count("\n", at, match.end())
        at = match.end()
    if words:
        raise ConfigurationError(f'unexpected end of file, expecting ";" or "}}" in {path}:{line}')
    if len(stack) > 1:
        raise ConfigurationError(f'unexpected end of file, expecting "}}" in {path}:{line}')
    _mark_includes(root)
    return root


def _mark_includes(directive: Directive) -> bool:
    for inner in directive.block or ():
        if inner.name == "include" or (inner.block and _mark_includes(inner)):
            directive.includes = True
    return directive.includes


def _add(stack: list[Directive], words: list[str], path: str, started: int, line: int, opens: bool) -> None:
    parent = stack[-1]
    free = parent.name in ("types", "map", "geo", "split_clients")  # their lines are data
    if not free and words[0] not in KNOWN:
        raise ConfigurationError(f'unknown directive "{words[0]}" in {path}:{line}')
    directive = Directive(words[0], words[1:], path, line, [] if opens else None)
    if parent.block is not None:
        parent.block.append(directive)
    if opens:
        stack.append(directive)
    elif words[0] in ("http", "server", "location", "events") and parent.name != "upstream" and not free:
        raise ConfigurationError(f'directive "{words[0]}" has no opening "{{" in {path}:{started}')


async def _included(process: Process, parent: Directive, sources: dict[str, str], depth: int = 0) -> list[Directive]:
    """The directives of a block, with those of included files in place of `include`."""
    result: list[Directive] = []
    for directive in parent.block or []:
        if directive.name == "include" and directive.args and depth < 20:
            for path in _matching(process, directive):
                try:
                    source = (await process.read_file(path)).decode("utf-8", "surrogateescape")
                except OSError as error:
                    words = f'open() "{path}" failed ({error.errno}: {reason(error)}) in {directive.where()}'
                    raise ConfigurationError(words) from None
                sources[path] = source
                result += await _included(process, _parse(source, path), sources, depth + 1)
        elif directive.block and directive.includes:
            block = await _included(process, directive, sources, depth + 1)
            same = len(block) == len(directive.block) and all(map(operator.is_, block, directive.block))
            result.append(directive if same else replace(directive, block=block))
        else:
            result.append(directive)
    return result


def _matching(process: Process, directive: Directive) -> list[str]:
    path = directive.args[0]
    if not path.startswith("/"):
        path = f"/etc/nginx/{path}"
    folder, _, pattern = path.rpartition("/")
    if not any(mark in pattern for mark in "*?["):
        return [path]
    try:
        names = sorted(name for name in process.listdir(folder or "/") if fnmatch.fnmatchcase(name, pattern))
    except OSError:
        return []
    return [f"{folder}/{name}" for name in names if not name.startswith(".")]


class Location(Struct):
    modifier: str  # "", =, ~, ~*, ^~, or @ for a named one
    pattern: str
    settings: Directive
    inner: list[Location] = field(default_factory=list)

    def matches(self, path: str) -> bool:
        if self.modifier == "=":
            return path == self.pattern
        if self.modifier in ("~", "~*"):
            return search(self.pattern, path, self.modifier == "~*") is not None
        return self.modifier != "@" and path.startswith(self.pattern)


class Site(Struct):
    """One `server` block."""

    listens: list[tuple[str, int, bool, bool]]  # address, port, default_server, ssl
    names: list[str]
    settings: Directive
    locations: list[Location]

    def locate(self, path: str) -> Location | None:
        """nginx's order: exact, longest prefix with ^~, regular expressions as they stand, longest prefix."""
        return _best(self.locations, path)

    def named(self, name: str) -> Location | None:
        return next((one for one in self.locations if one.modifier == "@" and one.pattern == name), None)

    def answers_to(self, host: str) -> int:
        """How well the name fits: 3 exact, 2 leading wildcard or suffix, 1 regular expression, 0 not at all."""
        for name in self.names:
            if name == host:
                return 3
            if name.startswith("*.") and host.endswith(name[1:]):
                return 2
            if name.startswith("~") and search(name[1:], host):
                return 1
        return 0


def _best(locations: list[Location], path: str) -> Location | None:
    prefix: Location | None = None
    for one in locations:
        if one.modifier == "=" and one.matches(path):
            return one
        if one.modifier in ("", "^~") and one.matches(path) and (not prefix or len(one.pattern) > len(prefix.pattern)):
            prefix = one
    if prefix is not None and prefix.inner and (deeper := _best(prefix.inner, path)):
        return deeper
    if prefix is None or prefix.modifier != "^~":
        for one in locations:
            if one.modifier in ("~", "~*") and one.matches(path):
                return one
    return prefix


def sites(directives: list[Directive]) -> tuple[Directive, list[Site]]:
    """The `http` block and its servers."""
    if not any(one.name == "events" for one in directives):
        raise ConfigurationError('no "events" section in configuration')
    http = next((one for one in directives if one.name == "http"), None)
    if http is None:
        return Directive("http", [], "", 0, []), []
    return http, [_site(server, http) for server in http.all("server")]


def _site(server: Directive, http: Directive) -> Site:
    listens = [_listen(one) for one in server.all("listen")] or [("0.0.0.0", 80, False, False)]
    names = [name for one in server.all("server_name") for name in one.args]
    for location in _descend(server):
        _check(location, http)
    return Site(listens, names, server, [_location(one) for one in server.all("location")])


def _descend(server: Directive) -> Iterator[Directive]:
    for one in server.all("location"):
        yield one
        yield from _descend(one)


def _check(location: Directive, http: Directive) -> None:
    for proxy in location.all("proxy_pass"):
        url = proxy.args[0] if proxy.args else ""
        if not url.startswith(("http://", "https://", "$")):
            raise ConfigurationError(f"invalid URL prefix in {proxy.where()}")


def _location(directive: Directive) -> Location:
    args = directive.args
    if len(args) == 2:
        modifier, pattern = args
    elif args and args[0].startswith("@"):
        modifier, pattern = "@", args[0]
    elif len(args) == 1:
        modifier, pattern = ("", args[0])
        for mark in ("~*", "^~", "=", "~"):
            if pattern.startswith(mark):
                modifier, pattern = mark, pattern[len(mark) :]
                break
    else:
        raise ConfigurationError(f'invalid number of arguments in "location" directive in {directive.where()}')
    if modifier in ("~", "~*"):
        try:
            compiled(pattern)
        except re.error as error:
            words = f'pcre2_compile() failed: {error} in "{pattern}" in {directive.where()}'
            raise ConfigurationError(words) from None
    return Location(modifier, pattern, directive, [_location(one) for one in directive.all("location")])


def _listen(directive: Directive) -> tuple[str, int, bool, bool]:
    if not directive.args:
        raise ConfigurationError(f'invalid number of arguments in "listen" directive in {directive.where()}')
    value = directive.args[0]
    flags = directive.args[1:]
    ip, port = "0.0.0.0", value
    if value.startswith("["):
        ip, _, port = value[1:].partition("]")
        port = port.lstrip(":") or "80"
    elif ":" in value:
        ip, _, port = value.rpartition(":")
    elif not value.isdigit():
        ip, port = value, "80"
    if ip == "*":
        ip = "0.0.0.0"
    if ip == "localhost":
        ip = "127.0.0.1"
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigurationError(f'invalid port in "{value}" of the "listen" directive in {directive.where()}')
    return ip, int(port), "default_server" in flags, "ssl" in flags
