"""Words that belong to declarations and data files, in both languages side by side.

Page text goes through gettext; the words of the inventory, of activities and
of instruments live beside the thing they name, so that neither can be added
without the other.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """A text in Swedish and in English. Neither may be empty."""

    sv: str
    en: str

    def __post_init__(self) -> None:
        if not self.sv.strip() or not self.en.strip():
            raise ValueError("a Text needs both Swedish and English")

    def in_(self, locale: str) -> str:
        """The text in ``locale`` ("sv" or "en"); Swedish for anything else."""
        return self.en if locale.startswith("en") else self.sv


# In the order of their own alphabet, after z; code points have ä before å.
_SWEDISH = str.maketrans({"å": "z\uffff1", "ä": "z\uffff2", "ö": "z\uffff3"})


def in_alphabet(name: str) -> str:
    """A key that sorts names as a Swedish list does, whatever their case."""
    return name.casefold().translate(_SWEDISH)
