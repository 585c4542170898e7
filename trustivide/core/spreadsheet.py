"""CSV that spreadsheets read as it was meant: Swedish letters, and text that is no formula."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

BOM = "\ufeff"
"""Begins a file, else spreadsheets read Swedish letters wrong."""
_dump = json.JSONEncoder(ensure_ascii=False).encode

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
"""The media type of a workbook."""

Value = str | int | float | None
"""What stands in a cell."""


def lines(rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV (RFC 4180)."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()


def cell(value: Any) -> str:
    """Text that a spreadsheet takes for text: a leading apostrophe defuses formulas (OWASP)."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else _dump(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
