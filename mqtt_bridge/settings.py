"""Configuration files: TOML with overrides from the environment, parsed once into a frozen, checked value.

`GARDU_SECTION__KEY` replaces `key` of `[section]`; `GARDU_SECTION__KEY_FILE` reads the value from a file, for
secrets.
"""

from __future__ import annotations

import difflib
import os
import pwd
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

PREFIX = "GARDU_"
T = TypeVar("T", bound=msgspec.Struct)


class ConfigError(Exception):
    """A configuration that can not be used: one line that says what, where and how to mend it."""


def load(path: Path, kind: type[T], environ: Mapping[str, str]) -> T:
    """The configuration of that kind. Relative paths in it stay as written. Raises `ConfigError`."""
    tree = _read(path)
    _override(tree, kind, environ)
    try:
        return msgspec.convert(tree, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_explain(str(error), kind)}") from None


def writable_folder(path: Path, setting: str) -> Path:
    """The folder, made if need be, in which files can be written. Raises `ConfigError` that names the setting."""
    probe = path / ".writable"
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
        owner = path.stat().st_uid
    except OSError as error:
        raise ConfigError(f"{setting}: {path} can not be written: {error.strerror}") from None
    if owner != 0 and os.geteuid() == 0:  # keys and journals that root makes, the service could not read
        raise ConfigError(f"{setting}: {path} belongs to {_name(owner)}: run this as that user, not as root")
    return path


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; name one with --config") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None


def _override(tree: dict[str, Any], kind: type[msgspec.Struct], environ: Mapping[str, str]) -> None:
    for name, text in environ.items():
        section, separator, key = name.removeprefix(PREFIX).lower().partition("__")
        if not name.startswith(PREFIX) or not separator:
            continue
        fields = _keys(kind, section)
        if key.endswith("_file") and key not in fields:
            key, text = key.removesuffix("_file"), _secret(name, text)
        if key not in fields:
            raise ConfigError(f"{name}: there is no setting {section}.{key}{_hint(key, fields)}")
        tree.setdefault(section, {})[key] = _typed(name, text, fields[key])


def _secret(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}: {path} can not be read: {error}") from None


def _typed(name: str, text: str, kind: Any) -> Any:
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name}: {error}") from None


def _keys(kind: type[msgspec.Struct], section: str) -> dict[str, Any]:
    """Name → type of the settings of one section."""
    for field in msgspec.structs.fields(kind):
        if field.name == section and isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            return {inner.name: inner.type for inner in msgspec.structs.fields(field.type)}
    return {}


def _explain(error: str, kind: type[msgspec.Struct]) -> str:
    """msgspec's "… - at `$.modem.device`" as "modem.device: …"."""
    message, _, place = error.partition(" - at `$")
    where = place.strip(".`")
    unknown = re.fullmatch(r"Object contains unknown field `(.+)`", message)
    missing = re.fullmatch(r"Object missing required field `(.+)`", message)
    if unknown or missing:
        name = (unknown or missing)[1]  # type: ignore[index]
        known = _keys(kind, where) if where else {f.name: f.type for f in msgspec.structs.fields(kind)}
        where = f"{where}.{name}" if where else name
        message = f"unknown setting{_hint(name, known)}" if unknown else "this setting is required"
    return f"{where}: {message}" if where else message


def _hint(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
