"""Workbooks for spreadsheets (ISO/IEC 29500), made in memory.

Imported where one is made: the library takes more memory than all pages together,
and most processes never make one.
"""

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.drawing.spreadsheet_drawing import SpreadsheetDrawing
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from trustivide.core import spreadsheet
from trustivide.core.spreadsheet import Value

_WIDEST = 60


def workbook(sheets: Mapping[str, Iterable[Sequence[Value]]]) -> bytes:
    """An XLSX file with a sheet for each name; the first row of each is its header.

    Numbers stay numbers, and text is text: what would be a formula is defused as in a CSV file
    of ours, since sheets are saved as CSV too.
    """
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        _fill(book.create_sheet(name), rows)
    held = io.BytesIO()
    _Writer(book, zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED)).save()
    return held.getvalue()


def _fill(sheet: Worksheet, rows: Iterable[Sequence[Value]]) -> None:
    widths: dict[int, int] = {}
    for number, row in enumerate(rows, start=1):
        for column, value in enumerate(row, start=1):
            place = sheet.cell(number, column, _plain(value))
            place.alignment = Alignment(vertical="top", wrap_text=True)
            widths[column] = max(widths.get(column, 8), len(str(value or "")))
            if number == 1:
                place.font = Font(bold=True)
    sheet.freeze_panes = "A2"
    for column, width in widths.items():
        sheet.column_dimensions[get_column_letter(column)].width = min(width + 2, _WIDEST)


def _plain(value: Value) -> Value:
    if isinstance(value, str):
        return spreadsheet.cell(ILLEGAL_CHARACTERS_RE.sub("", value))
    return value


class _Writer(ExcelWriter):
    """Keeps sheets in memory, where openpyxl lays them in a temporary file: they hold comments."""

    def write_worksheet(self, ws: Any) -> None:
        ws._drawing = SpreadsheetDrawing()
        writer = WorksheetWriter(ws, out=io.BytesIO())
        writer.write()
        ws._rels = writer._rels
        self._archive.writestr(ws.path[1:], writer.out.getvalue())
        self.manifest.append(ws)
