"""kuberc: a user's own defaults for flags, and aliases for commands (`~/.kube/kuberc`, KUBERC, --kuberc).

`Preferences.of(words)` reads the file; without one there is nothing to do. `expanded` replaces an alias by what it
stands for; `apply_defaults` gives flags that were not typed the values that the user prefers. As with the real one, an
alias is a command of its own: defaults of the command behind it are none of its. Two versions of the file are read,
v1beta1 and v1alpha1, which calls `defaults` overrides and `options` flags. Policies of credential plug-ins are kept and
not acted upon.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

from minikube_edu.kubectl.failures import PlainError
from minikube_edu.lib.gotext import quote

if TYPE_CHECKING:
    from minikube_edu.kubectl.command import Command
    from minikube_edu.kubectl.flags import Values

Object = dict[str, Any]

GROUP = "kubectl.config.k8s.io"
OLD_NAMES = {"overrides": "defaults", "flags": "options"}  # of v1alpha1
TOP = {"apiVersion", "kind", "defaults", "aliases", "credentialPluginPolicy", "credentialPluginAllowlist"}
ENTRY = {"defaults": {"command", "options"}, "aliases": {"name", "command", "prependArgs", "appendArgs", "options"}}
OPTION = {"name", "default"}
OFF_AND_NAMED = "disabling kuberc via KUBERC=off and passing kuberc flag are mutually exclusive"


class PreferencesError(Exception):
    """The file cannot be used; the message says why."""


def named(words: Sequence[str]) -> str:
    """What --kuberc says; flags are not parsed yet when this has to be known."""
    for index, word in enumerate(words):
        if word == "--":
            break
        found = words[index + 1] if word == "--kuberc" and index + 1 < len(words) else ""
        if "--kuberc=" in word:
            found = word.split("=")[1]
        if found:
            return found
        if word == "--kuberc" or "--kuberc=" in word:
            raise PreferencesError("kuberc file is not found")
    return ""


def path(words: Sequence[str] = ()) -> str:
    """Where the preferences are; "" when they are switched off."""
    return _place(words)[0]


def _place(words: Sequence[str]) -> tuple[str, bool]:
    """The file, and whether somebody asked for this one."""
    typed, environment = named(words), os.environ.get("KUBERC", "")
    if environment == "off":
        if typed:
            raise PreferencesError(f"kuberc error {OFF_AND_NAMED}")
        return "", False
    if os.environ.get("KUBECTL_KUBERC", "").lower() == "false":
        return "", False
    usual = os.path.join(os.environ.get("HOME") or os.path.expanduser("~"), ".kube", "kuberc")
    return typed or environment or usual, bool(typed or environment)


def load(where: str) -> Object:
    """The first document that holds preferences, in the words of v1beta1; {} of an empty file."""
    return _load(where)[0]


def _load(where: str) -> tuple[Object, str]:
    """And what a strict reader complains of."""
    with open(where, "rb") as file:
        found = _documents(file.read())
    for one in found:
        group, _, version = str(one.get("apiVersion") or "").partition("/") if isinstance(one, dict) else ("", "", "")
        if group == GROUP and version in ("v1beta1", "v1alpha1") and one.get("kind") == "Preference":
            complaints: list[str] = []
            document = _renamed(one, version == "v1alpha1", complaints)
            if document is not None:
                unknown = ", ".join(f"unknown field {quote(field)}" for field in complaints)
                return document, f"strict decoding error: {unknown}" if unknown else ""
    if found:
        raise PreferencesError(f"no valid preferences found in {where}, use --v=5 to see details")
    return {}, ""


def _documents(raw: bytes) -> list[Any]:
    """None for one that cannot be read: another one may be good."""
    from minikube_edu.api.wire import yaml_form

    found = []
    for text in re.split(rb"(?m)^---.*$", raw):
        if text.strip():
            try:
                found.append(yaml_form.parse(text))
            except ValueError:
                found.append(None)
    return found


def _renamed(document: Object, old: bool, unknown: list[str]) -> Object | None:
    """In v1beta1's words, without what nobody knows; None when a list is none."""

    def known(given: Any, names: set[str], where: str) -> Object:
        if not isinstance(given, dict):
            raise TypeError
        found = {}
        for key, value in given.items():
            new = OLD_NAMES.get(key, key) if old else key
            if new not in names or (old and key in OLD_NAMES.values()):
                unknown.append(f"{where}{key}")
            else:
                found[new] = value
        return found

    def listed(given: Any) -> list[Any]:
        if given is not None and not isinstance(given, list):
            raise TypeError
        return given or []

    names = {new: old_name for old_name, new in OLD_NAMES.items()} if old else {}
    try:
        found = known(document, TOP, "")
        for section, fields in ENTRY.items():
            entries = []
            for index, entry in enumerate(listed(found.get(section))):
                where = f"{names.get(section, section)}[{index}]."
                one = known(entry, fields, where)
                options = listed(one.get("options"))
                inner = f"{where}{names.get('options', 'options')}"
                if "options" in one:
                    one["options"] = [known(o, OPTION, f"{inner}[{i}].") for i, o in enumerate(options)]
                    if any(not isinstance(value, str) for o in one["options"] for value in o.values()):
                        raise TypeError
                entries.append(one)
            if section in found:
                found[section] = entries
        return {**found, "apiVersion": f"{GROUP}/v1beta1"}
    except TypeError:
        return None


class Preferences:
    def __init__(self, document: Object, err: TextIO) -> None:
        self._defaults: list[Object] = document.get("defaults") or []
        self._aliases: list[Object] = document.get("aliases") or []
        self._err = err
        self._alias = ""  # that was typed

    @classmethod
    def of(cls, words: Sequence[str], err: TextIO) -> Preferences | None:
        try:
            where, asked = _place(words)
            if not where:
                return None
            try:
                document, complaint = _load(where)
            except (OSError, ValueError, PreferencesError) as error:
                text = f"open {where}: {_reason(error)}" if isinstance(error, OSError) else str(error)
                if asked:
                    raise PreferencesError(f"kuberc error kuberc: {text}") from None
                if not isinstance(error, FileNotFoundError):
                    err.write(f"kuberc: no preferences loaded from {where}: {text}")
                return None
            if complaint:
                err.write(f"kuberc: ignoring strict decoding error in {where}: {complaint}")
            found = cls(document, err)
            found._validate()
            return found
        except PreferencesError as error:
            raise _refused(str(error)) from None

    def _validate(self) -> None:
        names: set[str] = set()
        for alias in self._aliases:
            name = str(alias.get("name") or "")
            if not re.fullmatch("[a-zA-Z]+", name):
                raise PreferencesError("invalid alias name, can only include alphabetical characters")
            _check_names(alias)
            if name in names:
                raise PreferencesError(f"duplicate alias name {name}")
            names.add(name)
        for entry in self._defaults:
            _check_names(entry)

    def expanded(self, words: list[str]) -> list[str]:
        from minikube_edu.kubectl import app

        if len(app.find(words)[0]) > 1:
            return words
        place = next((i for i, word in enumerate(words) if not word.startswith(("-", "__complete"))), None)
        alias = next((one for one in self._aliases if place is not None and one["name"] == words[place]), None)
        if place is None or alias is None:
            return words
        command, rest = str(alias.get("command") or "").split(), words[place + 1 :]
        chain, left = app.find(command)
        if command and len(chain) == 1:
            raise _refused(
                f"command {quote(' '.join(command))} not found to set alias {quote(alias['name'])}: [{' '.join(left)}]"
            )
        self._alias = str(alias["name"])
        options = _options(alias, chain, words)
        before, after = list(alias.get("prependArgs") or ()), list(alias.get("appendArgs") or ())
        return [*words[:place], *command, *options, *before, *rest, *after]

    def apply_defaults(self, chain: Sequence[Command], values: Values) -> None:
        from minikube_edu.kubectl import app
        from minikube_edu.kubectl.flags import FlagError

        if len(chain) < 2:
            return
        name = self._alias or chain[-1].name
        for entry in self._defaults:
            command = str(entry.get("command") or "")
            if self._alias and command.split()[:1] == [self._alias]:
                raise _refused(f"alias {self._alias} can not be overridden")
            found = app.find(command.split())[0]
            if len(found) == 1 and command.split():
                self._err.write(f"Warning: command {quote(command)} not found to set kuberc override\n")
                continue
            if found[-1].name != name:
                continue
            for option in entry.get("options") or ():
                flag = values.flags.get(option.get("name") or "")
                if flag is None:
                    raise _refused(f"invalid flag {option.get('name') or ''} for command {command}")
                if values.changed(flag.name):
                    continue
                value = str(option.get("default", ""))
                try:
                    values.set(flag, value)
                except FlagError as error:
                    raise _refused(
                        f"could not apply override value {value} to flag {flag.name} in command {command} err: {error}"
                    ) from None


def _options(alias: Object, chain: Sequence[Command], words: list[str]) -> list[str]:
    """An alias's options that were not typed, as flags."""
    from minikube_edu.kubectl.flags import FlagError, HelpWanted, parse
    from minikube_edu.kubectl.global_flags import GLOBAL

    flags = {flag.name: flag for flag in (*GLOBAL, *chain[-1].flags)}
    found = []
    for option in alias.get("options") or ():
        name, value = option.get("name") or "", str(option.get("default", ""))
        flag = flags.get(name)
        if flag is None:
            raise _refused(f"invalid alias flag {name} in alias kubectl")
        if any(_is(flag.name, flag.short, word) for word in words):
            continue
        try:
            parse((flag,), [f"--{name}={value}"])
        except HelpWanted:
            pass
        except FlagError as error:
            raise _refused(f"could not apply value {value} to flag {name} in alias kubectl err: {error}") from None
        found.append(f"--{name}={value}")
    return found


def _is(name: str, short: str, word: str) -> bool:
    """Whether the word gives this flag: --name, --name=value, -n, -nvalue, or among letters together, as in -itn."""
    if word == f"--{name}" or word.startswith(f"--{name}="):
        return True
    if not short:
        return False
    return word.startswith(f"-{short}") or bool(re.fullmatch("-[a-zA-Z]+", word) and short in word[1:])


def _check_names(entry: Object) -> None:
    for option in entry.get("options") or ():
        name = option.get("name") or ""
        if name.startswith("-"):
            raise PreferencesError(f"flag name {name} should be in long form without dashes")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error))[:1].lower() + (error.strerror or str(error))[1:]


def _refused(text: str) -> PlainError:
    return PlainError(f"error occurred while applying preferences {text}")
