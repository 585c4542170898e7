"""Accessible PDFs from Typst templates. ``python -m trustivide.core.typeset <template>``.

Only short processes import this: Typst would stay in the web process's memory
for good (see ``core.children``).
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typst


def compile_pdf(template: Path, data: Mapping[str, Any]) -> bytes:
    """A tagged PDF/UA-1 file (ISO 14289-1); the same data gives the same bytes.

    ``data`` reaches the template as JSON, and no text in it is ever read as
    markup. Raises :class:`typst.TypstError` when the template is at fault.
    """
    pdf: bytes = typst.compile(
        str(template),
        root=str(template.parent),
        format="pdf",
        pdf_standards="ua-1",
        # Only the typefaces inside Typst: the same file on every machine.
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
    )
    return pdf


if __name__ == "__main__":
    sys.stdout.buffer.write(compile_pdf(Path(sys.argv[1]), json.load(sys.stdin)))
