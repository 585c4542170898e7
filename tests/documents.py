"""Documents as people hand them in: whole ones, and what hides in others."""

import io
import zipfile
import zlib
from collections.abc import Mapping

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
SLIDES = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
MACROS = "application/vnd.ms-word.document.macroEnabled.main+xml"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"


def pdf(*objects: bytes) -> bytes:
    """A small PDF with these objects in it besides its own."""
    own = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
    )
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate((*own, *objects), start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(places) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return out + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + trailer % (size, len(out))


def stream(content: bytes, about: bytes = b"") -> bytes:
    """A packed stream, as an object of a PDF."""
    packed = zlib.compress(content)
    head = b"<< /Length %d /Filter /FlateDecode %b >>" % (len(packed), about)
    return head + b"\nstream\n" + packed + b"\nendstream"


def office(
    kind: str = WORD,
    parts: Mapping[str, bytes] = {},
    method: int = zipfile.ZIP_DEFLATED,
    types: str = "",
) -> bytes:
    """An Office document with these parts in it besides its own."""
    types = (
        '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
        f'content-types"><Override PartName="/main.xml" ContentType="{kind}"/>{types}</Types>'
    )
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as package:
        package.writestr("[Content_Types].xml", types)
        package.writestr("main.xml", "<document>Hej</document>")
        for name, content in parts.items():
            package.writestr(name, content)
    return held.getvalue()


def references(target: str, kind: str = "oleObject", mode: str = "External") -> bytes:
    """What a part refers to: one thing."""
    office = "http://schemas.openxmlformats.org"
    return (
        f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument/2006/relationships/{kind}" Target="{target}" '
        f'TargetMode="{mode}"/></Relationships>'
    ).encode()
