"""curl's options: which letters there are, and which of them take a value."""

from __future__ import annotations

VALUES = {
    "o": "output", "w": "write-out", "X": "request", "d": "data", "H": "header", "u": "user", "m": "max-time",
    "A": "user-agent", "T": "upload-file", "x": "proxy", "E": "cert", "F": "form", "b": "cookie", "c": "cookie-jar",
    "e": "referer", "r": "range", "D": "dump-header", "K": "config", "y": "speed-time", "Y": "speed-limit",
    "U": "proxy-user", "z": "time-cond", "C": "continue-at", "Q": "quote", "P": "ftp-port", "t": "telnet-option",
    "#1": "data-binary", "#2": "data-raw", "#3": "data-urlencode", "#4": "data-ascii", "#5": "json", "#6": "cacert",
    "#7": "key", "#8": "connect-timeout", "#9": "retry", "#10": "retry-delay", "#11": "retry-max-time",
    "#12": "resolve", "#13": "connect-to", "#14": "max-redirs", "#15": "oauth2-bearer", "#16": "output-dir",
    "#17": "noproxy", "#18": "interface", "#19": "limit-rate", "#20": "unix-socket", "#21": "capath", "#22": "proto",
    "#23": "tls-max", "#24": "ciphers", "#25": "cert-type", "#26": "key-type", "#27": "pass", "#28": "dns-servers",
    "#29": "keepalive-time", "#30": "max-filesize", "#31": "proto-default", "#32": "aws-sigv4", "#33": "stderr",
    "#34": "happy-eyeballs-timeout-ms", "#35": "expect100-timeout", "#36": "form-string", "#37": "url-query",
}  # fmt: skip
FLAGS = {
    "s": "silent", "S": "show-error", "f": "fail", "i": "show-headers", "I": "head", "v": "verbose", "L": "location",
    "k": "insecure", "O": "remote-name", "G": "get", "g": "globoff", "4": "ipv4", "6": "ipv6", "V": "version",
    "h": "help", "N": "no-buffer", "#": "progress-bar", "j": "junk-session-cookies", "J": "remote-header-name",
    "n": "netrc", "q": "disable", "R": "remote-time", "Z": "parallel", "a": "append", "B": "use-ascii", "0": "http1.0",
    "1": "tlsv1", "2": "sslv2", "3": "sslv3", "l": "list-only", "M": "manual", "p": "proxytunnel",
}  # fmt: skip
WITHOUT = frozenset(
    ["include", "fail-with-body", "retry-connrefused", "retry-all-errors", "compressed", "http1.1", "http2", "http2-prior-knowledge", "http3", "tlsv1.0", "tlsv1.1", "tlsv1.2", "tlsv1.3", "ssl", "ssl-reqd", "location-trusted", "create-dirs", "no-progress-meter", "fail-early", "path-as-is", "tcp-nodelay", "tcp-fastopen", "raw", "styled-output", "no-keepalive", "no-sessionid", "basic", "digest", "negotiate", "ntlm", "anyauth", "post301", "post302", "post303", "trace-time", "show-headers", "remove-on-error", "ssl-no-revoke", "haproxy-protocol", "disable-epsv"]
)
