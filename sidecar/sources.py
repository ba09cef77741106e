"""Where settings come from: a TOML file and the environment, each read into a nested dictionary."""

import json
import re
import tomllib
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

Tree = dict[str, Any]

PREFIX = "ATTENTION_"
NOT_SETTINGS = ("ATTENTION_CONFIG", "ATTENTION_TAP")
"""The settings file's name, and the tap's kill switch, which works before settings are read."""

_KUBERNETES_LINK = re.compile(r"_SERVICE_(HOST|PORT)|_PORT_\d+_(TCP|UDP)|_PORT=(tcp|udp)://")


class SettingsError(ValueError):
    """A setting is wrong; the message names the field, the value and what would be right."""


def variable(setting: str) -> str:
    """``sampling.rate`` → ``ATTENTION_SAMPLING__RATE``."""
    return PREFIX + setting.upper().replace(".", "__")


def suggestion(wrong: str, known: Collection[str]) -> str:
    """The end of a message about an unknown name."""
    close = get_close_matches(wrong, known, n=1, cutoff=0.5)
    return f"unknown setting; did you mean {close[0]}?" if close else "unknown setting"


_SECRET = re.compile("token|headers|password|secret", re.IGNORECASE)


def shown(name: str, value: object) -> str:
    """A value for a message: its repr, or stars where the setting's name says it is a secret."""
    return "*****" if _SECRET.search(name) else repr(value)


def from_file(file: Path) -> Tree:
    """Read a TOML file. Raises SettingsError."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"settings file {str(file)!r} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings file {str(file)!r} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"settings file {str(file)!r} is not TOML: {error}") from None


def from_environment(environ: Mapping[str, str], settings: Collection[str]) -> Tree:
    """Read the variables of ``settings``, which are dotted names. Raises SettingsError for a typo.

    The variables that Kubernetes adds for a service called ``attention-…`` are not settings.
    """
    dotted = {variable(setting): setting for setting in settings}
    tree: Tree = {}
    for name, value in environ.items():
        if name in dotted:
            section, field = dotted[name].split(".")
            tree.setdefault(section, {})[field] = _value(name, value)
        elif _is_ours(name, value):
            raise SettingsError(f"{name}: {suggestion(name.upper(), dotted)}")
    return tree


def merged(*trees: Tree) -> Tree:
    """One tree of sections; later trees win field by field."""
    result: Tree = {}
    for tree in trees:
        for section, fields in tree.items():
            both = isinstance(fields, dict) and isinstance(result.get(section), dict)
            result[section] = {**result[section], **fields} if both else fields
    return result


def _is_ours(name: str, value: str) -> bool:
    ours = name.upper().startswith(PREFIX) and name not in NOT_SETTINGS
    return ours and not _KUBERNETES_LINK.search(f"{name}={value}")


def _value(name: str, text: str) -> Any:
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{name}: {shown(name, text)} is not JSON: {error}") from None
