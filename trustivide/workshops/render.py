"""``python -m trustivide.workshops.render <slug> <language> <file>`` writes one guide.

A process of its own, since Typst would stay in the web process's memory for good. Nothing
in the application imports this module.
"""

import sys
from pathlib import Path

from trustivide.workshops.guide import render_guide
from trustivide.workshops.queries import get


def main(slug: str, language: str, file: str) -> int:
    """Write the guide to ``file``; 1 if there is no such workshop."""
    card = get(slug, language)
    if card is None:
        return 1
    Path(file).write_bytes(render_guide(card, language=language))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
