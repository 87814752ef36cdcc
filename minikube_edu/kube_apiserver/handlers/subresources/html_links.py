"""Links of a page that came through a proxy: a path that begins at the root must begin at the proxy's root.

Only the attributes of HTML tags are rewritten, so scripts and style sheets must use relative paths; the real proxy does
no more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape, unescape

ATTRIBUTES: dict[str, frozenset[str]] = {
    tag: frozenset(names.split())
    for tag, names in {
        "a": "href", "applet": "codebase", "area": "href", "audio": "src", "base": "href", "blockquote": "cite",
        "body": "background", "button": "formaction", "command": "icon", "del": "cite", "embed": "src",
        "form": "action", "frame": "longdesc src", "head": "profile", "html": "manifest", "iframe": "longdesc src",
        "img": "longdesc src usemap", "input": "src usemap formaction", "ins": "cite", "link": "href",
        "object": "classid codebase data usemap", "q": "cite", "script": "src", "source": "src",
        "video": "poster src",
    }.items()
}  # fmt: skip
_tag = re.compile(r"""<([a-zA-Z]+)((?:\s+|/|[^\s"'>/=]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?)*)>""")
_attribute = re.compile(r"""([^\s"'>/=]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)""")


def rewrite(page: str, link: Callable[[str], str]) -> str:
    """The page with `link` applied to every URL in it."""

    def tag(found: re.Match[str]) -> str:
        names = ATTRIBUTES.get(found[1].lower())
        if names is None or not found[2]:
            return found[0]

        def attribute(part: re.Match[str]) -> str:
            if part[1].lower() not in names:
                return part[0]
            value = unescape(part[3].strip("\"'"))
            new = link(value)
            return part[0] if new == value else f'{part[1]}{part[2]}"{escape(new)}"'

        return f"<{found[1]}{_attribute.sub(attribute, found[2])}>"

    return _tag.sub(tag, page)
