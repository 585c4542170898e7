"""Files that go with a workshop: checked by their content, and kept outside the web root.

A row says what a file is; its bytes lie in a folder of the instance under the row's id. A file
is written before its row is committed and removed after, so that no row is without its file;
a file without a row is cleared away at night.
"""

import os
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.core.clock import day_of
from trustivide.core.db import db
from trustivide.core.documents import clean_name
from trustivide.core.errors import Refused
from trustivide.teams.models import Team
from trustivide.workshops.models import Attachment, Workshop, WorkshopSession

LARGEST_BODY = 21_500_000
"""Bytes of a request that brings one: the file with the form around it."""
MOST = 20
"""So many files may go with one workshop."""
_LEFT_ALONE = timedelta(hours=1)
"""A file this young may belong to a transaction that isn't through yet."""


class TooMany(Refused):
    """The workshop has as many files as it may."""


class Known(Refused):
    """The workshop has this very file already."""


def listed(session: Session, workshop_id: UUID) -> Sequence[Attachment]:
    """The files of a workshop, by name."""
    return session.scalars(
        select(Attachment)
        .where(Attachment.workshop_id == workshop_id)
        .order_by(Attachment.name, Attachment.id)
    ).all()


def get(session: Session, workshop_id: UUID, attachment_id: UUID) -> Attachment | None:
    """One file of a workshop."""
    return session.scalar(
        select(Attachment).where(
            Attachment.workshop_id == workshop_id, Attachment.id == attachment_id
        )
    )


def readable(session: Session, slug: str, organisation_id: UUID) -> Sequence[Attachment]:
    """The files that the people of an organisation find with a workshop, by name.

    Everybody those of a published workshop; of a withdrawn one, who has a team that planned it.
    """
    workshop = session.scalar(select(Workshop).where(Workshop.slug == slug))
    if workshop is None or workshop.state == "draft":
        return []
    if workshop.state == "withdrawn" and not _planned(session, slug, organisation_id):
        return []
    return listed(session, workshop.id)


def _planned(session: Session, slug: str, organisation_id: UUID) -> bool:
    theirs = (
        select(WorkshopSession.id)
        .join(Team, WorkshopSession.team_id == Team.id)
        .where(WorkshopSession.workshop == slug, Team.organisation_id == organisation_id)
    )
    return session.scalar(select(theirs.exists())) or False


def add(
    session: Session,
    folder: Path,
    workshop_id: UUID,
    staff_id: UUID,
    name: str,
    kind: str,
    content: bytes,
    language: str,
    now: datetime,
) -> Attachment:
    """Keep a file with a workshop, under a cleaned name. Raises :class:`Known`, :class:`TooMany`.

    ``kind`` is what :func:`trustivide.core.documents.kind_of` found its content to be: that
    takes a while, and is asked before the transaction.
    """
    # Of two who add at once the second waits here, and then sees what the first added.
    session.execute(select(Workshop.id).where(Workshop.id == workshop_id).with_for_update())
    digest = sha256(content).hexdigest()
    there = {each.sha256 for each in listed(session, workshop_id)}
    if digest in there:
        raise Known
    if len(there) >= MOST:
        raise TooMany
    attachment = Attachment(
        id=uuid4(),
        workshop_id=workshop_id,
        name=clean_name(name, kind),
        kind=kind,
        language=language,
        size=len(content),
        sha256=digest,
        added_by_id=staff_id,
        added_on=day_of(now),
    )
    session.add(attachment)
    session.flush()
    _write(path_of(folder, attachment.id), content)
    return attachment


def remove(session: Session, workshop_id: UUID, attachment_id: UUID) -> None:
    """Forget a file, if it is still there; call :func:`clear` once that is committed."""
    attachment = get(session, workshop_id, attachment_id)
    if attachment is not None:
        session.delete(attachment)
        session.flush()


def clear(folder: Path, attachment_ids: Iterable[UUID]) -> None:
    """Delete the bytes of files whose rows are gone."""
    for attachment_id in attachment_ids:
        path_of(folder, attachment_id).unlink(missing_ok=True)


def folder_in(instance: Path) -> Path:
    """Where files lie in the instance's folder, which no address leads to."""
    return instance / "attachments"


def path_of(folder: Path, attachment_id: UUID) -> Path:
    """Where a file's bytes lie. The name that somebody gave it is part of no path."""
    return folder / str(attachment_id)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, on the disk before its row is, and readable by us alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{uuid4().hex}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def clear_orphans(folder: Path, now: datetime) -> int:
    """Delete files that no row speaks of, left by a process that died; how many."""
    found = [path for path in folder.glob("*") if _is_old(path, now)]
    known = {str(each) for each in db.session.scalars(select(Attachment.id))}
    orphans = [path for path in found if path.name not in known]
    for path in orphans:
        path.unlink(missing_ok=True)
    return len(orphans)


def _is_old(path: Path, now: datetime) -> bool:
    return path.is_file() and path.stat().st_mtime < (now - _LEFT_ALONE).timestamp()
