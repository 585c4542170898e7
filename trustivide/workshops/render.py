"""``python -m trustivide.workshops.render guide <file>`` draws the card on standard input.

A process of its own, since Typst would stay in the web process's memory for good. Nothing
in the application imports this module.
"""

import json
import sys
from pathlib import Path

from trustivide.workshops.cards import from_data
from trustivide.workshops.guide import render


def main(document: str, file: str) -> None:
    """Write the guide or the handout to ``file``."""
    Path(file).write_bytes(render(from_data(json.load(sys.stdin)), document))


if __name__ == "__main__":
    main(*sys.argv[1:])
