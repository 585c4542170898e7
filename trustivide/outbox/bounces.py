"""Delivery-status messages (RFC 3464, RFC 6533): what became of a mail that a server took.

Such a message comes from anybody, so nothing in it is believed but one thing:
the Message-ID of the mail that it returns. We made it, it holds the random id
of the mail's row, and only who got the mail (or carried it) knows it. Who is
named as recipient, in what words, plays no part and is kept nowhere.
"""

import mailbox
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from pathlib import Path
from uuid import UUID

from sqlalchemy.orm import Session

from trustivide.outbox.models import Mail
from trustivide.outbox.registry import registry

LARGEST = 2_000_000
"""Bytes of one message. Our own mails are small, and a report returns one at most."""
OUTCOMES = ("bounced", "delayed", "known", "unknown", "no_report", "too_large")
_REPORTS = {"message/delivery-status", "message/global-delivery-status"}
_WHOLE_MAILS = {"message/rfc822", "message/global"}
_HEADERS_ALONE = {"text/rfc822-headers", "message/global-headers"}
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OURS = re.compile(rf"\.({_UUID})@trustivide>\s*\Z")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|\Z)")
_UNDELIVERED = {"failed": "5.0.0", "delayed": "4.0.0"}
"""Actions that say something to us, with the status of a report that gives none."""


def messages(path: Path) -> Iterator[bytes | None]:
    """The messages of a file, an mbox, a Maildir or a folder of files; ``None`` if too large.

    Nothing is changed, moved or locked.
    """
    if path.is_dir():
        kept = [path / "cur", path / "new"]
        folders = kept if any(folder.is_dir() for folder in kept) else [path]
        for folder in folders:
            yield from (_read(found) for found in sorted(folder.glob("*")) if found.is_file())
        return
    with path.open("rb") as file:
        is_box = file.read(5) == b"From "
    if not is_box:
        yield _read(path)
        return
    box = mailbox.mbox(path, create=False)
    try:
        for key in box.iterkeys():
            content = box.get_file(key).read(LARGEST + 1)
            yield content if len(content) <= LARGEST else None
    finally:
        box.close()


def _read(path: Path) -> bytes | None:
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    return content if len(content) <= LARGEST else None


def take_in(session: Session, content: bytes | None) -> str:
    """Note what a delivery-status message says of a mail of ours; one of :data:`OUTCOMES`.

    A failure makes a mail that was sent, or may have been, *bounced*. A delay leaves its
    state alone and is noted beside it. Taking in the same message again changes nothing.
    A mail that leaves no trace has no row by now, and gets none.
    """
    if content is None:
        return "too_large"
    found = read_report(content)
    if found is None:
        return "no_report"
    mail_id, action, status = found
    mail = session.get(Mail, mail_id, with_for_update=True)
    if mail is None or mail.kind in registry.traceless:
        return "unknown"
    if mail.state == "bounced":
        return "known"
    if mail.state not in {"sent", "ambiguous"}:
        return "unknown"
    if action == "delayed" and mail.bounce_status == status:
        return "known"
    mail.bounce_status = status
    if action == "failed":
        mail.state = "bounced"
        mail.recipient = mail.params = mail.recipient_digest = None
    session.flush()
    return {"failed": "bounced", "delayed": "delayed"}[action]


def read_report(content: bytes) -> tuple[UUID, str, str] | None:
    """Mail id, action ("failed" or "delayed") and enhanced status code of a report.

    ``None`` for whatever is no report, is cut off, or returns no mail of ours. Never raises.
    """
    try:
        parts = _parts(message_from_bytes(content, policy=compat32))
        mail_id = _returned(parts)
        verdict = _verdict(parts)
    except (ValueError, LookupError, RecursionError, TypeError):
        # The parser of the standard library takes much, but not everything.
        return None
    return None if mail_id is None or verdict is None else (mail_id, *verdict)


def _parts(message: Message) -> list[Message]:
    if message.get_content_type() != "multipart/report" or not message.is_multipart():
        return []
    if str(message.get_param("report-type", "")).lower() != "delivery-status":
        return []
    return [part for part in message.get_payload() if isinstance(part, Message)]


def _returned(parts: list[Message]) -> UUID | None:
    """The id in the Message-ID of the mail that a report returns, whole or as headers."""
    for part in parts:
        kind = part.get_content_type()
        if kind in _WHOLE_MAILS | _HEADERS_ALONE:
            found = _OURS.search(str(_inside(part)[0].get("Message-ID", "")).lower())
            if found:
                return UUID(found[1])
    return None


def _inside(part: Message) -> list[Message]:
    """What a part holds: messages where the parser made them, else its text read as headers."""
    held = part.get_payload()
    if isinstance(held, list):
        return [message for message in held if isinstance(message, Message)]
    text = part.get_payload(decode=True)
    return [message_from_bytes(text if isinstance(text, bytes) else b"", policy=compat32)]


def _verdict(parts: list[Message]) -> tuple[str, str] | None:
    """What a report says of the recipient; of several, only what holds for all of them.

    An address of ours can stand for a list, of which one place failed and others didn't.
    """
    for part in parts:
        if part.get_content_type() in _REPORTS:
            blocks = [block for block in _blocks(part) if block.get("Action")]
            actions = {str(block["Action"]).split()[0].lower() for block in blocks}
            if len(actions) == 1 and (action := actions.pop()) in _UNDELIVERED:
                given = _STATUS.match(str(blocks[0].get("Status", "")).strip())
                return action, given[0] if given else _UNDELIVERED[action]
    return None


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields: of the message first, then of each recipient (RFC 3464, 2.1).

    The parser splits ``message/delivery-status`` into them. Of the international kind it
    reads the first as headers and leaves the rest as text.
    """
    for block in _inside(part):
        yield block
        rest = block.get_payload()
        if part.get_content_type() == "message/global-delivery-status" and isinstance(rest, str):
            for group in re.split(r"\r?\n\r?\n", rest):
                yield message_from_bytes(group.strip().encode(errors="replace"), policy=compat32)
