"""Writing the catalogue: drafts, publishing, withdrawing.

A text that breaks a rule may be saved, and stays a draft. What was published never changes:
who goes on from it makes a new version, and the system numbers it.
"""

import re
import unicodedata
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from trustivide.audit import actions as audit
from trustivide.core.clock import day_of
from trustivide.core.errors import Refused
from trustivide.workshops.attachments import listed as attachments_of
from trustivide.workshops.cards import Source
from trustivide.workshops.catalogue import written_cards
from trustivide.workshops.models import Workshop, WorkshopVersion
from trustivide.workshops.versions import History, history, mark_of, source_of

LONGEST = 40_000
"""Characters of a workshop's text in one language."""
LONGEST_SLUG = 60
_SLUG = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


class Changed(Refused):
    """Somebody else has changed the text since; ``now`` is how it stands."""

    def __init__(self, now: History) -> None:
        super().__init__("changed")
        self.now = now


class Faulty(Refused):
    """The text breaks a rule and can't be published."""


class Gone(Refused):
    """There is no such workshop any more: somebody threw its only draft away."""


class Taken(Refused):
    """A workshop, or a page of ours, has this name in its address."""


def tidied(text: str | None) -> str:
    """What was typed, with the line ends of a file and without characters that nobody sees."""
    lines = (text or "").replace("\r\n", "\n").replace("\r", "\n")
    seen = "".join(c for c in lines if c in "\n\t" or unicodedata.category(c)[0] != "C")
    return seen.strip() + "\n" if seen.strip() else ""


def is_slug(text: str) -> bool:
    """Whether ``text`` can name a workshop in addresses, as ``who-owns-what`` does."""
    return bool(_SLUG.fullmatch(text)) and len(text) <= LONGEST_SLUG


def create(
    session: Session,
    staff_id: UUID,
    slug: str,
    swedish: str,
    english: str,
    now: datetime,
    reserved: Collection[str] = (),
) -> Workshop:
    """A new workshop with its first draft. Raises :class:`Taken`.

    ``reserved`` are the words that pages of ours have at the same place in addresses.
    """
    if slug in reserved or session.scalar(select(Workshop.id).where(Workshop.slug == slug)):
        raise Taken(slug)
    workshop = Workshop(slug=slug)
    session.add(workshop)
    try:
        session.flush()
    except IntegrityError:  # of two at once one is first
        raise Taken(slug) from None
    draft = WorkshopVersion(workshop_id=workshop.id, number=1, origin="staff", edition=1)
    _write(session, draft, source_of(slug, swedish, english), staff_id, now)
    return workshop


def save(
    session: Session,
    staff_id: UUID,
    slug: str,
    swedish: str,
    english: str,
    seen: str,
    now: datetime,
) -> WorkshopVersion:
    """Save a workshop's text as its draft. Where nothing was changed, no draft is begun.

    ``seen`` is the mark of what the editor went on from (:attr:`History.mark`). Raises
    :class:`Changed` when that isn't how it stands any more, and :class:`Gone`.
    """
    past = _locked(session, slug)
    if seen != past.mark:
        raise Changed(past)
    draft = past.draft
    if draft is None:
        if (swedish, english) == (past.base.swedish, past.base.english):
            return past.base
        draft = WorkshopVersion(
            workshop_id=past.workshop.id, number=_next(past), origin="staff", edition=1
        )
    else:
        draft.edition += 1
    _write(session, draft, source_of(slug, swedish, english), staff_id, now)
    return draft


def _write(
    session: Session, draft: WorkshopVersion, source: Source, staff_id: UUID, now: datetime
) -> None:
    draft.swedish, draft.english = source.texts["sv"], source.texts["en"]
    draft.fingerprint = source.fingerprint
    draft.cards = None if source.faults else written_cards(source, draft.number)
    draft.written_by_id, draft.written_on = staff_id, day_of(now)
    session.add(draft)
    session.flush()


def publish(
    session: Session, staff_id: UUID, slug: str, number: int, seen: str, now: datetime
) -> WorkshopVersion:
    """Let people read a version: the draft, a newer text of the library, or what was withdrawn.

    ``seen`` is the mark of the version (:func:`mark_of`) as whoever publishes saw it. Raises
    :class:`Changed`, and :class:`Faulty` for a draft that breaks a rule.
    """
    past = _locked(session, slug)
    version = past.version(number)
    if version is None or version not in (past.draft, past.news, past.read):
        raise Changed(past)
    if seen != mark_of(version):
        raise Changed(past)
    if version.cards is None:
        raise Faulty
    if version.published_on is None:
        # A text of the library may have come meanwhile; what is published last counts last.
        if version is not past.versions[0]:
            version.number = _next(past)
        version.cards = written_cards(past.source(version), version.number)
        version.published_on = day_of(now)
    _show(session, staff_id, past.workshop, version.number, now)
    return version


def _show(session: Session, staff_id: UUID, workshop: Workshop, number: int, now: datetime) -> None:
    workshop.number, workshop.state = number, "published"
    workshop.revision += 1
    session.flush()
    audit.record(
        session,
        "workshop_published",
        now,
        actor_id=staff_id,
        thing_id=workshop.id,
        detail=str(number),
    )


def withdraw(session: Session, staff_id: UUID, slug: str, now: datetime) -> bool:
    """Let nobody find a workshop any more; ``False`` if nobody could.

    Who planned it keeps reading it. Publishing its version again undoes it.
    """
    workshop = _locked(session, slug).workshop
    if workshop.state != "published":
        return False
    workshop.state = "withdrawn"
    workshop.revision += 1
    session.flush()
    audit.record(
        session,
        "workshop_withdrawn",
        now,
        actor_id=staff_id,
        thing_id=workshop.id,
        detail=str(workshop.number),
    )
    return True


def discard(session: Session, slug: str, seen: str) -> list[UUID]:
    """Throw the draft away, and with it a workshop that nobody ever read.

    Gives the files that went with it, to be cleared once this is committed. Raises
    :class:`Changed`, also if there is no draft.
    """
    past = _locked(session, slug)
    if past.draft is None or seen != past.mark:
        raise Changed(past)
    session.delete(past.draft)
    session.flush()
    if len(past.versions) > 1:
        return []
    files = list(attachments_of(session, past.workshop.id))
    for file in files:
        session.delete(file)
    session.delete(past.workshop)
    session.flush()
    return [file.id for file in files]


def _locked(session: Session, slug: str) -> History:
    past = history(session, slug, lock=True)
    if past is None:
        raise Gone
    return past


def _next(past: History) -> int:
    return past.versions[0].number + 1
