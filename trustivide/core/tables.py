"""Tables that somebody hands in as a file: CSV or XLSX, told apart by what is inside.

Nothing of a file is trusted: neither its name, nor what it says of its own size. It is read in
memory and never written anywhere.
"""

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

MOST_ROWS = 10_000
LARGEST_FILE = 2_000_000
UNPACKED = 20_000_000
"""Bytes of a workbook's parts together, unpacked."""
MARKUP = 2_000_000
"""Beginnings and ends of XML elements in them: each element takes many times its bytes."""
_COLUMNS = 50
_EXCEL_ROWS = 1_048_576
_LOOKED_AT = 3 * MOST_ROWS
"""Rows of a sheet that may stand there, written on or not."""

# What a file is refused for; the page has the words.
EMPTY = "empty"
TOO_LARGE = "too_large"
TOO_MANY_ROWS = "too_many_rows"
NO_TABLE = "no_table"
LOCKED = "locked"
OLD_EXCEL = "old_excel"
BROKEN = "broken"
MERGED = "merged"
QUOTES = "quotes"

_DELIMITERS = ("\t", ";", ",")
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MERGED_CELL = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]*\bref="([A-Z0-9:]{2,30})"')
_CONTROLS = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f]")
"""A picture or a document is full of these, a table has none."""
_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
FORMULA = "="
"""How a cell begins that is computed; a text that begins so is taken for one."""


class Unreadable(ValueError):
    """A file that is refused as a whole: ``reason`` is a key for words, ``place`` says where."""

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.place = place


@dataclass(frozen=True)
class Row:
    """A row that isn't empty, with its number in the file, counted from 1."""

    number: int
    cells: tuple[str, ...]


def read(content: bytes) -> list[Row]:
    """The rows of a CSV file or of a workbook's first sheet; white space in cells is tidied.

    CSV may be in UTF-8, UTF-16 or Windows-1252, with tabs, semicolons or commas between.
    Raises :class:`Unreadable`.
    """
    if len(content) > LARGEST_FILE:
        raise Unreadable(TOO_LARGE)
    if content.startswith(_OLE):
        raise Unreadable(LOCKED if _ENCRYPTED in content else OLD_EXCEL)
    found = []
    rows = _sheet(content) if content.startswith(_ZIP) else _csv(_text(content))
    for number, cells in rows:
        tidy = tuple(_tidy(cell) for cell in cells)
        if any(tidy):
            found.append(Row(number, tidy))
        if len(found) > MOST_ROWS + 1:  # one may be a header
            raise Unreadable(TOO_MANY_ROWS)
    if not found:
        raise Unreadable(EMPTY)
    return found


def _tidy(cell: str) -> str:
    # Invisible characters come along when text is copied from pages and mails.
    return "".join(c for c in " ".join(cell.split()) if c.isprintable())


def _text(content: bytes) -> str:
    for mark, encoding in _BOMS.items():
        if content.startswith(mark):
            return _decoded(content[len(mark) :], encoding)
    if b"\0" in content:
        return _decoded(content, "utf-16-be" if content.startswith(b"\0") else "utf-16-le")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return _decoded(content, "cp1252")
    return _decoded(content, "utf-8")


def _decoded(content: bytes, encoding: str) -> str:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise Unreadable(NO_TABLE) from None
    if _CONTROLS.search(text):
        raise Unreadable(NO_TABLE)
    return text


def _csv(text: str) -> Iterator[tuple[int, list[str]]]:
    said = re.match(r"sep=([;,\t])\r?\n", text)  # Excel's own way to name the delimiter
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=said[1] if said else _delimiter(text),
        strict=True,
    )
    try:
        for number, cells in enumerate(reader, start=1):
            if not (said and number == 1):
                yield number, cells
    except csv.Error:
        raise Unreadable(QUOTES, str(reader.line_num)) from None


def _delimiter(text: str) -> str:
    """The one that cuts most of the first lines into as many cells as the first."""
    sample = [line for line in text.splitlines()[:200] if line.strip()][:50]

    def fitting(delimiter: str) -> int:
        widths = [len(row) for row in csv.reader(sample, delimiter=delimiter)]
        return widths.count(widths[0]) if widths and widths[0] > 1 else 0

    try:
        return max(_DELIMITERS, key=fitting)
    except csv.Error:
        raise Unreadable(QUOTES, "1") from None


def _sheet(content: bytes) -> Iterator[tuple[int, list[str]]]:
    # Here, and not above: see core.workbook.
    from openpyxl import load_workbook

    _look_inside(content)
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
        sheet = next(each for each in book.worksheets if each.sheet_state == "visible")
        merged = _MERGED_CELL.search(sheet._get_source().read())
        if merged is None:
            # The file's own word on its size counts for nothing.
            yield from _written(sheet.iter_rows(max_row=_EXCEL_ROWS, max_col=_COLUMNS))
    except Unreadable:
        raise
    except Exception:
        # openpyxl lets through whatever its parts raise at a file that isn't as it should be.
        raise Unreadable(BROKEN) from None
    if merged is not None:
        raise Unreadable(MERGED, merged[1].decode())


def _look_inside(content: bytes) -> None:
    """Refuse what is no workbook, is locked, or unpacks to more than is taken.

    No part gives more bytes than the list of contents says (``zipfile`` stops there).
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            listed = parts.infolist()
            if any(part.flag_bits & 1 for part in listed):
                raise Unreadable(LOCKED)
            if "xl/workbook.xml" not in parts.namelist():
                raise Unreadable(NO_TABLE)
            if sum(part.file_size for part in listed) > UNPACKED:
                raise Unreadable(TOO_LARGE)
            if sum(parts.read(part).count(b"<") for part in listed) > MARKUP:
                raise Unreadable(TOO_LARGE)
    except Unreadable:
        raise
    except Exception:
        raise Unreadable(BROKEN) from None


def _written(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[int, list[str]]]:
    looked_at, before = 0, None
    for number, row in enumerate(rows, start=1):
        if row is before:
            continue  # stands for rows that the file leaves out: up to a million of them
        before, looked_at = row, looked_at + 1
        if looked_at > _LOOKED_AT:
            raise Unreadable(TOO_MANY_ROWS)
        yield number, [_value(cell) for cell in row]


def _value(cell: Any) -> str:
    if cell.data_type == "f":
        return FORMULA
    return "" if cell.value is None else str(cell.value)
