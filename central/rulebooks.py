"""Where the rules of attendance come from: a profile that is shipped, or the city's own file."""

from __future__ import annotations

from pathlib import Path

from .policy import BadPolicy, Rulebook, parse

FOLDER = Path(__file__).parent / "profiles"
DEFAULT = "pekanbaru"


def names() -> list[str]:
    """The shipped profiles."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def text(profile: str) -> str:
    """A shipped profile as it is written, to begin a draft with."""
    return (FOLDER / f"{profile}.toml").read_text(encoding="utf-8")


def load(wanted: str = DEFAULT) -> Rulebook:
    """By the name of a profile, or by the path of a file. Raises `BadPolicy`."""
    path = FOLDER / f"{wanted}.toml" if wanted in names() else Path(wanted)
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadPolicy(f"{wanted}: no profile ({', '.join(names())}), and {error.strerror or error}") from None
    except (BadPolicy, UnicodeDecodeError) as error:
        raise BadPolicy(f"{path}: {error}") from None
