"""Documents that somebody hands in: PDF, DOCX or PPTX, told apart by what is inside.

Nothing of a file is trusted: neither its name, nor what it says of its own size. What could act
when it is opened is refused: scripts, macros, programs, files within files, and parts that are
fetched from elsewhere. This is no virus scanner; it keeps a document to what it is for.

Sources: ISO 32000-2 (PDF), ISO/IEC 29500-2 (Open Packaging Conventions), and the OWASP File
Upload Cheat Sheet.
"""

import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from copy import copy
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element  # nosec B405 (a type; defusedxml does the reading)

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from trustivide.core.tables import BROKEN, EMPTY, LOCKED, TOO_LARGE, Unreadable

LARGEST = 20 * 1024 * 1024
UNPACKED = 200_000_000
"""Bytes of a document's parts together, unpacked."""
RATIO = 100
"""So many times larger than the file its parts may be together; XML packs to a tenth or so."""
MOST_PARTS = 5_000
LONGEST_NAME = 100
_LISTS = 2_000_000
"""Bytes of a part that is read as XML: the list of contents, or of what a part refers to."""

PDF, DOCX, PPTX = "pdf", "docx", "pptx"
MIMETYPES = {
    PDF: "application/pdf",
    DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    PPTX: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}

# What a file is refused for, besides the reasons of tables; the page has the words.
NO_DOCUMENT = "no_document"
OLD_OFFICE = "old_office"
MISNAMED = "misnamed"
BOMB = "bomb"
ACTIVE = "active"
EMBEDDED = "embedded"
FOREIGN = "foreign"

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_CHUNK = 65_536


def kind_of(content: bytes, name: str) -> str:
    """What the document is: ``pdf``, ``docx`` or ``pptx``.

    Raises :class:`~trustivide.core.tables.Unreadable` for anything else, for what may not be
    in a document, and for a name whose ending says something else.
    """
    if not content:
        raise Unreadable(EMPTY)
    if len(content) > LARGEST:
        raise Unreadable(TOO_LARGE)
    if content.startswith(_OLE):
        raise Unreadable(LOCKED if _ENCRYPTED in content else OLD_OFFICE)
    if content.startswith(b"%PDF-"):
        _check_pdf(content)
        kind = PDF
    elif content.startswith(b"PK\x03\x04"):
        kind = _check_package(content, [UNPACKED])
    else:
        raise Unreadable(NO_DOCUMENT)
    if PurePosixPath(name).suffix.lower() != f".{kind}":
        raise Unreadable(MISNAMED, kind.upper())
    return kind


def clean_name(name: str, kind: str) -> str:
    """The file's name without folders and without what no name needs, ending in ``kind``.

    Letters, digits, blanks and ``. _ - ( )`` stay, in NFC; nothing is left to hide behind.
    """
    last = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    stem = re.sub(r"\.[^.]*$", "", last)
    kept = re.sub(r"[^\w\s.()-]", "", stem)
    tidy = " ".join(kept.split()).strip(". ")[:LONGEST_NAME].strip(". ")
    return f"{tidy or 'workshop'}.{kind}"


# PDF

_ACTIVE = re.compile(rb"/(?:JavaScript|Launch|RichMedia|XFA|SubmitForm|ImportData)(?![A-Za-z])")
_FILES = re.compile(rb"/EmbeddedFiles?(?![A-Za-z])")
_LOCKED = re.compile(rb"/Encrypt(?![A-Za-z])")
_STREAM = re.compile(rb"stream\r?\n")
_NAME_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_PACKED_OBJECTS = re.compile(rb"/ObjStm(?![A-Za-z])")
_PACKING = re.compile(rb"/(?:Filter|DecodeParms)(?![A-Za-z])")
_PLAIN_PACKING = re.compile(rb"/Filter\s*(?:/FlateDecode|\[\s*/FlateDecode\s*\])(?![A-Za-z])")
_DICTIONARY = 2_048
"""Bytes around that name in which the rest of what the stream says of itself stands."""
_MOST_PACKED = 10_000
"""Streams of objects; each holds a hundred or so."""


def _check_pdf(content: bytes) -> None:
    """ISO 32000-2, 7.5: header, trailer and end; and in no part what acts on opening.

    Objects may lie packed in streams, and streams may be named falsely, so whatever unpacks is
    looked into. Names are read as 7.3.5 lets them be written, ``/J#61vaScript`` too.
    """
    tail = content[-2048:]
    if b"%%EOF" not in tail or b"startxref" not in tail:
        raise Unreadable(BROKEN)
    left = UNPACKED
    _check_names(content)
    _check_packing(_plain(content))
    for begin in _STREAM.finditer(content):
        for part in _inflated(content, begin.end()):
            left -= len(part)
            if left < 0:
                raise Unreadable(BOMB)
            _check_names(part)


def _check_packing(plain: bytes) -> None:
    """Objects (7.5.7) are packed in the one way that is looked into here, or not at all."""
    for number, name in enumerate(_PACKED_OBJECTS.finditer(plain)):
        if number >= _MOST_PACKED:
            raise Unreadable(BOMB)
        before = plain[max(0, name.start() - _DICTIONARY) : name.start()].rpartition(b"obj")[2]
        after = plain[name.end() : name.end() + _DICTIONARY].partition(b"stream")[0]
        ways = len(_PACKING.findall(before + after))
        if ways > 1 or ways != len(_PLAIN_PACKING.findall(before + after)):
            raise Unreadable(BROKEN)


def _plain(part: bytes) -> bytes:
    return _NAME_ESCAPE.sub(lambda code: bytes([int(code[1], 16)]), part)


def _check_names(part: bytes) -> None:
    plain = _plain(part)
    if _LOCKED.search(plain):
        raise Unreadable(LOCKED)
    if _ACTIVE.search(plain):
        raise Unreadable(ACTIVE)
    if _FILES.search(plain):
        raise Unreadable(EMBEDDED)


def _inflated(content: bytes, at: int) -> Iterator[bytes]:
    """What a stream unpacks to, in parts that overlap by more than a name is long."""
    inflater, seam, given = zlib.decompressobj(), b"", memoryview(content)[at:]
    try:
        packed: bytes | memoryview = given[:_CHUNK]
        at = _CHUNK
        while packed and not inflater.eof:
            out = inflater.decompress(packed, 1_000_000)
            yield seam + out
            seam = out[-64:]
            packed = inflater.unconsumed_tail
            if not packed:
                packed, at = given[at : at + _CHUNK], at + _CHUNK
    except zlib.error:
        return  # a picture, or packed in another way


# Office Open XML

_MAIN = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml": DOCX,
    "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml": PPTX,
}
_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_TYPES = "[Content_Types].xml"
_WITH_OBJECTS = re.compile(r"oleObject", re.IGNORECASE)
_INSERTED = re.compile(r"/(?:oleObject|package|aFChunk)$", re.IGNORECASE)
"""Types of references to whole files within the document, wherever in it they lie."""
_WITH_MACROS = re.compile(r"macroEnabled|vbaProject|activeX|ms-office\.vba", re.IGNORECASE)
_ACTIVE_PART = re.compile(
    r"vbaproject|vbadata|activex|\.(?:bin|exe|dll|js|vbs|ps1|docm|pptm|xlsm|xlsb|swf)$",
    re.IGNORECASE,
)
_SETTINGS_PART = re.compile(r"(?:^|/)printerSettings/[^/]+\.bin$", re.IGNORECASE)
_LINKS = ("https://", "http://", "mailto:")
_OBJECT_PART = re.compile(r"(?:^|/)embeddings/", re.IGNORECASE)


def _check_package(content: bytes, budget: list[int], within: bool = False) -> str:
    """The kind of an Office document; ``within`` another it may be a workbook behind a chart.

    ``budget`` holds how many bytes may be unpacked yet: those of documents within count too.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            listed = package.infolist()
            budget[0] -= _check_list(listed, len(content))
            if budget[0] < 0:
                raise Unreadable(BOMB)
            kind = _main_kind(package, listed, within)
            for part in listed:
                _check_part(package, part, budget, within)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Unreadable(BROKEN) from error
    return kind


def _check_list(listed: list[zipfile.ZipInfo], size: int) -> int:
    """The list of contents, before anything is unpacked; how many bytes it says there are."""
    names = [part.filename for part in listed]
    if len(listed) > MOST_PARTS:
        raise Unreadable(BOMB)
    if len({name.lower() for name in names}) < len(names):
        raise Unreadable(BROKEN)  # of two with one name each program takes another
    if any(part.flag_bits & 1 for part in listed):
        raise Unreadable(LOCKED)
    unpacked = sum(part.file_size for part in listed)
    if unpacked > RATIO * size:
        raise Unreadable(BOMB)
    for part in listed:
        if part.orig_filename != part.filename or _leads_out(part.filename):
            raise Unreadable(BROKEN)
        if _ACTIVE_PART.search(part.filename) and not _SETTINGS_PART.search(part.filename):
            raise Unreadable(EMBEDDED if _OBJECT_PART.search(part.filename) else ACTIVE)
    return unpacked


def _leads_out(name: str) -> bool:
    return name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/")


def _main_kind(package: zipfile.ZipFile, listed: list[zipfile.ZipInfo], within: bool) -> str:
    """Which document the list of content types says that this is (Part 2, 7.2.3)."""
    if _TYPES not in {part.filename for part in listed}:
        raise Unreadable(NO_DOCUMENT)
    types = [
        element.get("ContentType", "") for element in _elements(package, package.getinfo(_TYPES))
    ]
    if any(_WITH_MACROS.search(each) for each in types):
        raise Unreadable(ACTIVE)
    if any(_WITH_OBJECTS.search(each) for each in types):
        raise Unreadable(EMBEDDED)
    kinds = {_MAIN[each] for each in types if each in _MAIN}
    if within and _SHEET in types:
        return "xlsx"
    if len(kinds) != 1:
        raise Unreadable(NO_DOCUMENT)
    return kinds.pop()


def _check_part(
    package: zipfile.ZipFile, part: zipfile.ZipInfo, budget: list[int], within: bool
) -> None:
    """Unpack a part, no further than it says that it goes; what it refers to lies inside."""
    said = copy(part)
    said.file_size += 1  # one more than listed is a lie, which zipfile would cut off
    got = 0
    with package.open(said) as unpacked:
        while chunk := unpacked.read(_CHUNK):
            got += len(chunk)
    if got != part.file_size:
        raise Unreadable(BOMB)
    if part.filename.lower().endswith(".rels"):  # parts are named in any case (Part 2, 6.3)
        for element in _elements(package, part):
            if element.get("TargetMode", "").lower() == "external":
                if not _is_link(element):
                    raise Unreadable(FOREIGN)
            elif _is_hidden_file(element):
                raise Unreadable(EMBEDDED)
    elif _OBJECT_PART.search(part.filename) and not part.is_dir():
        try:
            _check_package(package.read(part) if not within else b"", budget, within=True)
        except Unreadable as refused:
            if refused.reason == BOMB:
                raise
            raise Unreadable(EMBEDDED) from None


def _is_hidden_file(reference: Element) -> bool:
    """A whole file inside, and not where those lie that are looked into."""
    is_file = _INSERTED.search(reference.get("Type", ""))
    return bool(is_file) and not _OBJECT_PART.search(reference.get("Target", ""))


def _is_link(reference: Element) -> bool:
    """What somebody follows by a click, to a page or an address; all else loads by itself."""
    target = reference.get("Target", "").lower()
    return reference.get("Type", "").endswith("/hyperlink") and target.startswith(_LINKS)


def _elements(package: zipfile.ZipFile, part: zipfile.ZipInfo) -> list[Element]:
    if part.file_size > _LISTS:
        raise Unreadable(BOMB)
    try:
        return list(fromstring(package.read(part), forbid_dtd=True))
    except (ParseError, DefusedXmlException) as error:
        raise Unreadable(BROKEN) from error
