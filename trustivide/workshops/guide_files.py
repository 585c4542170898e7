"""The guides and handouts as files: each made once, when somebody first asks for it.

The web process must not load Typst (it stays in memory and is needed for seconds a year),
so ``trustivide.workshops.render`` runs as a short process of its own, without the
service's secrets in its environment. They hold nothing about any person, and deleting
the folder is safe: the files are made anew.
"""

import json
import os
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from trustivide.core import children, locks
from trustivide.workshops.cards import WorkshopCard, as_data

_HERE = Path(__file__).parent


def guide_file(folder: Path, card: WorkshopCard, document: str = "guide") -> Path:
    """The PDF of ``card``, its guide or its handout, in ``folder``; made now if it isn't there.

    The name holds a fingerprint of the card and of what draws it, so that a file never
    outlives a change of either. Of those who ask at once, in whatever process, one makes it
    and the others wait for it; a file appears whole or not at all. Raises
    :class:`subprocess.SubprocessError` if it can't be made.
    """
    file = folder / f"{document}.{card.slug}.{card.language}.{_fingerprint(card)}.pdf"
    if file.exists():
        return file
    folder.mkdir(parents=True, exist_ok=True)
    with locks.alone(folder):
        if not file.exists():
            _make(card, document, file)
    return file


def _make(card: WorkshopCard, document: str, file: Path) -> None:
    draft = file.with_name(f".{uuid4().hex}")
    try:
        _render(card, document, draft)
        os.replace(draft, file)
    finally:
        draft.unlink(missing_ok=True)


def _render(card: WorkshopCard, document: str, to: Path) -> None:
    given = json.dumps(as_data(card)).encode()
    children.run("trustivide.workshops.render", document, str(to.absolute()), given=given)


@lru_cache
def _fingerprint(card: WorkshopCard) -> str:
    parts = [json.dumps(as_data(card)), version("typst")]
    drawn_by = [_HERE / "guide.py", *sorted(_HERE.glob("*.typ")), _HERE.parent / "core/typeset.py"]
    parts += [path.read_text("utf-8") for path in drawn_by]
    return sha256("\0".join(parts).encode()).hexdigest()[:16]
