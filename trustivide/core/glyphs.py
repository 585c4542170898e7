"""Which characters Typst's own typefaces draw. In PDF/UA every other one is an error."""

import re
import unicodedata
from typing import Any

MISSING = "□"

# Found by compiling each character alone with Typst 0.15; a test compiles them all.
_DRAWN = (
    (0x20, 0x7E),
    (0xA0, 0x4FF),  # Latin, Greek, Cyrillic
    (0x531, 0x5F4),  # Armenian, Hebrew
    (0x60C, 0x60C),
    (0x61B, 0x61B),
    (0x61F, 0x61F),
    (0x621, 0x63A),  # Arabic, with the letters of Persian
    (0x640, 0x66D),
    (0x67E, 0x67E),
    (0x686, 0x686),
    (0x698, 0x698),
    (0x6A9, 0x6A9),
    (0x6AF, 0x6AF),
    (0x6BE, 0x6BE),
    (0x6CC, 0x6CC),
    (0x6F0, 0x6F9),
    (0x10D0, 0x10FF),  # Georgian
    (0x1E00, 0x2040),  # Latin and Greek with marks, punctuation
    (0x2044, 0x211E),  # currencies, superscripts
    (0x2122, 0x2122),
    (0x2126, 0x2151),
    (0x2153, 0x2184),
    (0x2190, 0x23FF),  # arrows, mathematics
    (0x2460, 0x2606),  # figures in circles, lines, shapes
    (0x2609, 0x262F),
    (0x2638, 0x268B),
    (0x2690, 0x269C),
    (0x26A0, 0x26A7),
    (0x2701, 0x2704),
    (0x2706, 0x2709),
    (0x270C, 0x2714),
    (0x2717, 0x2726),
    (0x2761, 0x277F),
    (0x27B1, 0x2BFF),
    (0xFB00, 0xFB06),
)
_UNDRAWN = re.compile(f"[^{''.join(f'{chr(a)}-{re.escape(chr(b))}' for a, b in _DRAWN)}]+")
"""A run of them: what looks like one emoji is often several characters."""
_LONG_WORD = re.compile(r"\S{24}(?=\S)")
_BREAK_HERE = "\u200b"


def printable(value: Any) -> Any:
    """The same text, list or dict, with :data:`MISSING` for what can't be drawn.

    Marks that stand on their own are left out, and so is what turns the direction of text. A
    word that is longer than a narrow line gets places where it may break.
    """
    if isinstance(value, str):
        return _LONG_WORD.sub(rf"\g<0>{_BREAK_HERE}", _UNDRAWN.sub(MISSING, _plain(value)))
    if isinstance(value, list | tuple):
        return [printable(each) for each in value]
    if isinstance(value, dict):
        return {key: printable(each) for key, each in value.items()}
    return value


def _plain(text: str) -> str:
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(filter(None, map(_whole, composed)))


def _whole(char: str) -> str:
    """The character, nothing for a mark or a sign of format, and what isn't drawn for no character.

    What Unicode hasn't assigned stands between what it has, and no typeface draws it.
    """
    category = unicodedata.category(char)
    if category[0] == "M" or category == "Cf":
        return ""
    return "\uffff" if category[0] == "C" else char
