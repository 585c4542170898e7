"""Documents that somebody hands in: what they are is told by what is inside."""

import zipfile
import zlib
from random import Random

import pytest

from tests.documents import MACROS, SHEET, SLIDES, office, pdf, references, stream
from trustivide.core import documents, tables
from trustivide.core.documents import clean_name, kind_of
from trustivide.core.tables import Unreadable
from trustivide.workshops.cards import load_library
from trustivide.workshops.guide import render

RELS = "word/_rels/document.xml.rels"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500


def refused(content: bytes, name: str) -> str:
    with pytest.raises(Unreadable) as caught:
        kind_of(content, name)
    return caught.value.reason


PACKED = b"<< /Type /ObjStm /N 1 /First 4 /Length 9 %b >>\nstream\n%b\nendstream"
CHUNK = "application/vnd.openxmlformats-officedocument.oleObject"


@pytest.mark.parametrize(
    "packing",
    [
        b"/Filter [/ASCIIHexDecode /FlateDecode]",
        b"/Filter /ASCIIHexDecode",
        b"/Filter /A#53CIIHexDecode",
        b"/Filter 7 0 R",
        b"/Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 1 >>",
    ],
)
def test_objects_that_are_packed_so_that_nobody_looks_are_refused(packing: bytes) -> None:
    hidden = zlib.compress(b"1 0 << /S /JavaScript >>").hex().encode()
    assert refused(pdf(PACKED % (packing, hidden)), "a.pdf") == tables.BROKEN
    assert kind_of(pdf(stream(b"1 0 << >>", b"/Type /ObjStm")), "a.pdf") == "pdf"
    assert kind_of(pdf(PACKED % (b"", b"1 0 << >>")), "a.pdf") == "pdf"


def test_a_bomb_of_documents_within_a_document_is_counted_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(documents, "UNPACKED", 1_000_000)
    sheet = office(SHEET, {"a.xml": b"0" * 90_000, "b.dat": Random(1).randbytes(2_000)})
    sheets = {f"word/embeddings/{n}.xlsx": sheet for n in range(20)}
    assert refused(office(parts=sheets), "a.docx") == documents.BOMB
    assert kind_of(office(parts=dict(list(sheets.items())[:5])), "a.docx") == "docx"


def test_what_a_part_refers_to_is_read_however_its_list_is_spelled() -> None:
    template = references("https://exempel.test/x.dotm", "attachedTemplate")
    assert refused(office(parts={RELS.upper(): template}), "a.docx") == documents.FOREIGN


@pytest.mark.parametrize("kind", ["oleObject", "package", "aFChunk"])
def test_a_file_within_is_found_wherever_it_lies(kind: str) -> None:
    parts = {"word/media/x.dat": b"MZ", RELS: references("media/x.dat", kind, "Internal")}
    assert refused(office(parts=parts), "a.docx") == documents.EMBEDDED
    typed = f'<Override PartName="/word/media/x.dat" ContentType="{CHUNK}"/>'
    assert refused(office(parts={"word/media/x.dat": b"MZ"}, types=typed), "a.docx") == (
        documents.EMBEDDED
    )


def test_whole_documents_are_what_they_are() -> None:
    assert kind_of(render(load_library()[0]), "Guide.PDF") == "pdf"
    assert kind_of(pdf(stream(b"BT (Hej) Tj ET")), "a.pdf") == "pdf"
    assert kind_of(office(), "a.docx") == "docx"
    inside = {
        "ppt/embeddings/Microsoft_Excel_Sheet1.xlsx": office(SHEET),  # behind a chart
        "ppt/printerSettings/printerSettings1.bin": b"x" * 100,
        RELS: references("https://exempel.test/", "hyperlink"),
    }
    assert kind_of(office(SLIDES, inside), "bilder.pptx") == "pptx"


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"", "a.pdf", tables.EMPTY),
        (b"MZ" + b"\0" * 500, "a.pdf", documents.NO_DOCUMENT),
        (b"<svg onload=alert(1)>", "a.pdf", documents.NO_DOCUMENT),
        (b"\n" + pdf(), "a.pdf", documents.NO_DOCUMENT),
        (pdf(), "a.docx", documents.MISNAMED),
        (pdf(), "a.pdf.exe", documents.MISNAMED),
        (office(), "a.pdf", documents.MISNAMED),
        (office(SLIDES), "a.docx", documents.MISNAMED),
        (office(SHEET), "a.docx", documents.NO_DOCUMENT),
        (OLE, "a.docx", documents.OLD_OFFICE),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "a.docx", tables.LOCKED),
        (pdf()[:-8], "a.pdf", tables.BROKEN),
        (office()[:-30], "a.docx", tables.BROKEN),
        (b"x" * (documents.LARGEST + 1), "a.pdf", tables.TOO_LARGE),
        # What acts when it is opened
        (pdf(b"<< /S /JavaScript /JS (app.alert(1)) >>"), "a.pdf", documents.ACTIVE),
        (pdf(b"<< /S /J#61va#53cript /JS (app.alert(1)) >>"), "a.pdf", documents.ACTIVE),
        (pdf(b"<< /S /Launch /F (cmd.exe) >>"), "a.pdf", documents.ACTIVE),
        (pdf(stream(b"<< /S /JavaScript >>", b"/Type /ObjStm")), "a.pdf", documents.ACTIVE),
        (pdf(stream(b"<< /S /Launch >>", b"/Subtype /Image")), "a.pdf", documents.ACTIVE),
        (pdf(b"<< /Type /EmbeddedFile >>"), "a.pdf", documents.EMBEDDED),
        (pdf(b"<< /Encrypt 5 0 R >>"), "a.pdf", tables.LOCKED),
        (office(MACROS), "a.docx", documents.ACTIVE),
        (office(parts={"word/vbaProject.bin": b"x"}), "a.docx", documents.ACTIVE),
        (office(parts={"word/activeX/activeX1.xml": b"x"}), "a.docx", documents.ACTIVE),
        (office(parts={"word/embeddings/oleObject1.bin": b"x"}), "a.docx", documents.EMBEDDED),
        (office(parts={"word/embeddings/a.docm": b"x"}), "a.docx", documents.EMBEDDED),
        (office(parts={"word/embeddings/a.xlsx": b"no workbook"}), "a.docx", documents.EMBEDDED),
        # What comes from elsewhere
        (office(parts={RELS: references("http://ond.test/")}), "a.docx", documents.FOREIGN),
        (
            office(parts={RELS: references("http://ond.test/", "attachedTemplate")}),
            "a.docx",
            documents.FOREIGN,
        ),
        (
            office(parts={RELS: references("file:///c:/calc.exe", "hyperlink")}),
            "a.docx",
            documents.FOREIGN,
        ),
        (
            office(parts={RELS: b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"}),
            "a.docx",
            tables.BROKEN,
        ),
        # Paths, and bombs
        (office(parts={"../../etc/passwd": b"x"}), "a.docx", tables.BROKEN),
        (office(parts={"/etc/passwd": b"x"}), "a.docx", tables.BROKEN),
        (office(parts={"c:\\windows": b"x"}), "a.docx", tables.BROKEN),
        (office(parts={"Main.xml": b"x"}), "a.docx", tables.BROKEN),
        (office(parts={"word/big.xml": b"0" * 5_000_000}), "a.docx", documents.BOMB),
        (office(parts={f"{n}.xml": b"" for n in range(5_001)}), "a.docx", documents.BOMB),
    ],
)
def test_what_is_no_plain_document_is_refused(content: bytes, name: str, reason: str) -> None:
    assert refused(content, name) == reason


def test_a_part_that_lies_about_its_size_is_a_bomb() -> None:
    """The list says 10 bytes, and so does the part's own head; what is packed is more."""
    honest = office(parts={"word/a.xml": b"a" * 3_000}, method=zipfile.ZIP_DEFLATED)
    said, lie = (size.to_bytes(4, "little") for size in (3_000, 10))
    crc = zlib.crc32(b"a" * 3_000).to_bytes(4, "little")
    short = zlib.crc32(b"a" * 10).to_bytes(4, "little")
    lying = honest.replace(said, lie).replace(crc, short)
    assert lying != honest
    assert refused(lying, "a.docx") in {documents.BOMB, tables.BROKEN}


def test_a_pdf_that_unpacks_without_end_is_a_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "UNPACKED", 1_000_000)
    assert refused(pdf(stream(b"0" * 2_000_000)), "a.pdf") == documents.BOMB


@pytest.mark.parametrize(
    ("name", "kind", "clean"),
    [
        ("Årets övningar (2).pdf", "pdf", "Årets övningar (2).pdf"),
        ("C:\\Mina dokument\\stöd.docx", "docx", "stöd.docx"),
        ("../../../etc/passwd.pdf", "pdf", "passwd.pdf"),
        ('a"; filename="ond.exe\r\nX: y.pdf', "pdf", "a filenameond.exe X y.pdf"),
        ("rapport\u202efdp.exe.pdf", "pdf", "rapportfdp.exe.pdf"),
        ("...pdf", "pdf", "workshop.pdf"),
        ("a\u0308r.pdf", "pdf", "är.pdf"),
        ("x" * 300 + ".pdf", "pdf", "x" * 100 + ".pdf"),
    ],
)
def test_a_name_is_cleaned(name: str, kind: str, clean: str) -> None:
    assert clean_name(name, kind) == clean
