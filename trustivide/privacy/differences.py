"""What changed between two versions of a text, paragraph by paragraph and word by word."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise, takewhile

# Marks of a change within the Markdown, from the private use area: no text holds them.
ADDED, ADDED_END, REMOVED, REMOVED_END = "\ue000", "\ue001", "\ue002", "\ue003"

_PREFIX = re.compile(r"(\s*(?:#{1,6} |- |\d+\. )?)(.*)", re.DOTALL)
# What Markdown reads as one thing must not be cut by a mark.
_WORD = re.compile(r"\*\*.+?\*\*\S*|\[[^\]]+\]\([^)]+\)\S*|\{\{.+?\}\}|\S+")
_ALIKE = 0.5
"""From this likeness on (difflib's ratio of words) two paragraphs are one that was rewritten."""
_ISLAND = 2
"""So few equal words between two changes are read as changed with them."""
_MOST = 100_000
"""Blocks of one text times those of the other that are compared; beyond, one replaced the other.
What difflib does takes the third power of it where they repeat themselves."""
_MOST_WORK = 1_000_000
"""The same of words, for all pairs of blocks together; beyond, none is taken for rewritten."""
_EACH = 50
"""What a pair costs at least."""


@dataclass(frozen=True)
class Piece:
    """Some paragraphs in a row as Markdown, with marks where something changed."""

    changed: bool
    markdown: str


def compare(older: str, newer: str) -> list[Piece]:
    """The newer text with what was added and removed marked; equal paragraphs lie together.

    A heading always begins a piece of its own, so that a reader sees where
    each change belongs.
    """
    pieces: list[Piece] = []
    run: list[str] = []
    state = False
    for changed, block in blocks_compared(_blocks(older), _blocks(newer)):
        is_heading = block.lstrip(ADDED + REMOVED).startswith("#")
        if run and (changed != state or is_heading or run[-1].startswith("#")):
            pieces.append(Piece(state, _join(run)))
            run = []
        state = changed
        run.append(block)
    if run:
        pieces.append(Piece(state, _join(run)))
    return pieces


def _blocks(body: str) -> list[str]:
    """Paragraphs, headings and list items, each by itself."""
    paragraphs = re.split(r"\n{2,}", body.strip())
    return [item for p in paragraphs for item in re.split(r"\n(?=- )", p)]


def _join(blocks: Sequence[str]) -> str:
    text = blocks[0]
    for before, block in pairwise(blocks):
        together = before.startswith("- ") and block.startswith("- ")
        text += ("\n" if together else "\n\n") + block
    return text


def blocks_compared(older: list[str], newer: list[str]) -> Iterator[tuple[bool, str]]:
    """The newer blocks, each with whether it changed, and with marks where it did."""
    work = [_MOST_WORK]
    for is_equal, before, after in _runs(older, newer):
        if is_equal:
            yield from ((False, block) for block in after)
        else:
            yield from ((True, block) for block in _rewritten(before, after, work))


def _runs(older: list[str], newer: list[str]) -> Iterator[tuple[bool, list[str], list[str]]]:
    """Blocks in a row that stayed, or that others came for."""
    if len(older) * len(newer) <= _MOST:
        matcher = SequenceMatcher(None, older, newer, autojunk=False)
        for kind, a, b, c, d in matcher.get_opcodes():
            yield kind == "equal", older[a:b], newer[c:d]
        return
    begin = _same(zip(older, newer, strict=False))
    end = _same(zip(reversed(older[begin:]), reversed(newer[begin:]), strict=False))
    yield True, older[:begin], newer[:begin]
    yield from _middle(older[begin : len(older) - end], newer[begin : len(newer) - end])
    yield True, older[len(older) - end :], newer[len(newer) - end :]


def _middle(older: list[str], newer: list[str]) -> Iterator[tuple[bool, list[str], list[str]]]:
    if len(older) * len(newer) <= _MOST:
        yield from _runs(older, newer)
    else:
        yield False, older, newer


def _same(pairs: Iterable[tuple[str, str]]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _rewritten(older: list[str], newer: list[str], work: list[int]) -> Iterator[str]:
    """Pair each new paragraph with the one it came from, in order; the rest came or went."""
    at = 0
    for block in newer:
        after = range(at, len(older)) if work[0] > 0 else ()
        origin = next((n for n in after if _alike(older[n], block, work)), None)
        if origin is None:
            yield _marked(block, ADDED, ADDED_END)
            continue
        yield from (_marked(gone, REMOVED, REMOVED_END) for gone in older[at:origin])
        yield _words_compared(older[origin], block)
        at = origin + 1
    yield from (_marked(gone, REMOVED, REMOVED_END) for gone in older[at:])


def _cut(block: str) -> tuple[str, str]:
    """What makes a block a heading or a list item, and its words."""
    found = _PREFIX.fullmatch(block)
    assert found is not None
    return found.group(1), found.group(2)


def _alike(older: str, newer: str, work: list[int]) -> bool:
    (a, words), (b, others) = _cut(older), _cut(newer)
    same_kind = a == b and "{{" not in words + others
    cost = len(words.split()) * len(others.split())
    is_too_much = cost > _MOST
    work[0] -= _EACH if is_too_much or not same_kind else max(_EACH, cost)
    if not same_kind or is_too_much:
        return False
    match = _matcher(words, others)
    # The first two are bounds that cost less.
    return all(r() >= _ALIKE for r in (match.real_quick_ratio, match.quick_ratio, match.ratio))


def _matcher(older: str, newer: str) -> SequenceMatcher[str]:
    return SequenceMatcher(None, _WORD.findall(older), _WORD.findall(newer), autojunk=False)


def _marked(block: str, begin: str, end: str) -> str:
    prefix, words = _cut(block)
    return f"{prefix}{begin}{words}{end}"


def _words_compared(older: str, newer: str) -> str:
    prefix, before = _cut(older)
    _, after = _cut(newer)
    old, new = _WORD.findall(before), _WORD.findall(after)
    out: list[str] = []
    gone: list[str] = []
    came: list[str] = []

    def flush() -> None:
        if gone:
            out.append(REMOVED + " ".join(gone) + REMOVED_END)
        if came:
            out.append(ADDED + " ".join(came) + ADDED_END)
        gone.clear()
        came.clear()

    for kind, a, b, c, d in _matcher(before, after).get_opcodes():
        island = kind == "equal" and d - c <= _ISLAND and (gone or came) and d < len(new)
        if kind == "equal" and not island:
            flush()
            out.append(" ".join(new[c:d]))
        else:
            gone += old[a:b]
            came += new[c:d]
    flush()
    return prefix + " ".join(out)
