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
    """One version of one text in one language; ``sha256`` is over the file as shipped."""

    key: str
    version: int
    language: str
    title: str
    valid_from: date
    body: str
    sha256: str


@cache
def current(key: str, language: str) -> LegalText:
    """The newest version of ``key`` in ``language`` ("sv" or "en"; Swedish otherwise)."""
    language = "en" if language.startswith("en") else "sv"
    versions = {
        int(path.name.removesuffix(f".{language}.md").rsplit("-", 1)[1]): path
        for path in _FOLDER.glob(f"{key}-*.{language}.md")
    }
    if not versions:
        raise LookupError(f"no text {key!r} in {language!r}")
    version = max(versions)
    raw = versions[version].read_bytes()
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
    )
