"""Exit with 1 and a list when a catalogue has a message without translation."""

import sys
from pathlib import Path

from babel.messages.catalog import Message
from babel.messages.pofile import read_po


def untranslated(folder: Path) -> list[str]:
    """``language: message`` for every message that is empty or fuzzy."""
    found = []
    for path in sorted(folder.glob("*/LC_MESSAGES/messages.po")):
        with path.open("rb") as file:
            catalogue = read_po(file, locale=path.parent.parent.name)
        found += [f"{catalogue.locale}: {m.id}" for m in catalogue if m.id and not _whole(m)]
    return found


def _whole(message: Message) -> bool:
    texts = message.string if isinstance(message.string, tuple) else (message.string,)
    return all(texts) and not message.fuzzy


if __name__ == "__main__":
    missing = untranslated(Path("translations"))
    print("\n".join(missing))
    sys.exit(1 if missing else 0)
