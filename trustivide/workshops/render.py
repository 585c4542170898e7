"""``python -m trustivide.workshops.render <file>`` writes the guide of the card on standard input.

A process of its own, since Typst would stay in the web process's memory for good. Nothing
in the application imports this module.
"""

import json
import sys
from pathlib import Path

from trustivide.workshops.cards import from_data
from trustivide.workshops.guide import render_guide


def main(file: str) -> None:
    """Write the guide to ``file``."""
    card = from_data(json.load(sys.stdin))
    Path(file).write_bytes(render_guide(card, language=card.language))


if __name__ == "__main__":
    main(*sys.argv[1:])
