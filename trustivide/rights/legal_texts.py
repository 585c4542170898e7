"""The versioned texts that people read and agree to, from ``texts/``."""

import hashlib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import yaml

_FOLDER = Path(__file__).parent / "texts"


@dataclass(frozen=True)
class LegalText:
    """One version of one text in one language; ``sha256`` is over the file as shipped.

    ``changes`` says in a few lines what is new since the version before.
    """

    key: str
    version: int
    language: str
    title: str
    valid_from: date
    body: str
    sha256: str
    changes: tuple[str, ...] = ()


@cache
def versions(key: str) -> tuple[int, ...]:
    """The versions of ``key`` that exist, oldest first; empty for an unknown key."""
    return tuple(sorted({int(p.name.split(".")[0].rsplit("-", 1)[1]) for p in _files(key)}))


def _files(key: str) -> list[Path]:
    return [
        p for p in _FOLDER.glob(f"{key}-*.*.md") if p.name.split(".")[0][len(key) + 1 :].isdigit()
    ]


@cache
def load(key: str, version: int, language: str) -> LegalText:
    """One version of ``key`` in ``language`` ("sv" or "en"; Swedish otherwise).

    Raises :class:`LookupError` for a text that doesn't exist.
    """
    language = "en" if language.startswith("en") else "sv"
    path = _FOLDER / f"{key}-{version}.{language}.md"
    if not path.exists():
        raise LookupError(f"no text {key!r}, version {version}, in {language!r}")
    raw = path.read_bytes()
    _, head, body = raw.decode().split("---\n", 2)
    meta = yaml.safe_load(head)
    return LegalText(
        key,
        version,
        language,
        meta["title"],
        meta["valid_from"],
        body.strip(),
        hashlib.sha256(raw).hexdigest(),
        tuple(meta.get("changes", ())),
    )


def current(key: str, language: str) -> LegalText:
    """The newest version of ``key``. Raises :class:`LookupError` for an unknown one."""
    found = versions(key)
    if not found:
        raise LookupError(f"no text {key!r}")
    return load(key, found[-1], language)
