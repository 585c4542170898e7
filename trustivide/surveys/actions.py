"""What happens to answers. Submitting never writes an invitation."""

import logging
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from uuid import UUID, uuid4

from blinker import Signal
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from trustivide.core.clock import day_of
from trustivide.core.crypto import ring
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.outbox.actions import start_job
from trustivide.rights.ledger import ledger
from trustivide.surveys import anonymity
from trustivide.surveys.catalogue import Answer
from trustivide.surveys.models import AnswerSet, Draft, Survey
from trustivide.surveys.queries import EDITS, answers_by_code, has_answered

log = logging.getLogger(__name__)

right_by_code = Signal(
    "Somebody used a right with a receipt code: sent with a digest of the code that nothing else "
    "stores, session=, kind= and day=, in the transaction that does it. Never by submitting."
)


class AlreadyAnswered(Exception):
    """The link's slot is taken by an answer set with another receipt code."""


class Closed(Exception):
    """The survey closed before the answers arrived; nothing was stored."""


@dataclass(frozen=True)
class Edit:
    """Where a save stands among those of one opened page: the page's own name, and a count."""

    page: str
    number: int


KEPT_EDITS = 20
"""For how many opened pages a draft remembers how far they have saved."""


def save_draft(
    session: Session,
    survey_id: UUID,
    cookie: str,
    answers: dict[str, str],
    edit: Edit | None = None,
    *,
    token: str | None = None,
) -> None:
    """Add to the half-filled answers under the browser's cookie; nothing names the invitation.

    A save that a later one of the same page has overtaken on its way changes nothing.
    Raises :class:`AlreadyAnswered` when the link ``token`` has been used meanwhile.
    """
    digest = ring().digest(cookie, "draft")
    statement = select(Draft).where(Draft.cookie_digest == digest).with_for_update()
    draft = session.scalar(statement)
    if draft is None:
        # Not add(): two first saves at once, of as one types and of going on, are one row.
        session.execute(
            _dialect(session)
            .insert(Draft)
            .values(
                id=uuid4(),
                survey_id=survey_id,
                cookie_digest=digest,
                sealed=anonymity.seal_draft(cookie, {}),
            )
            .on_conflict_do_nothing(index_elements=["cookie_digest"])
        )
        draft = session.scalars(statement).one()
    if token is not None and has_answered(session, token):
        raise AlreadyAnswered
    held = anonymity.open_draft(cookie, draft.sealed)
    edits = held.pop(EDITS, {})
    if edit is not None:
        if edit.number <= edits.pop(edit.page, 0):
            return
        edits = dict([*edits.items(), (edit.page, edit.number)][-KEPT_EDITS:])
    draft.sealed = anonymity.seal_draft(cookie, {**held, **answers, EDITS: edits})
    session.flush()


def _dialect(session: Session) -> ModuleType:
    """Whose INSERT knows ON CONFLICT.

    Rather than a caught violation: PostgreSQL writes a violated key with the
    time into its own log, and that would date an answer.
    """
    return postgresql if session.get_bind().dialect.name == "postgresql" else sqlite


def submit(
    survey_id: UUID,
    token: str,
    code: str,
    answers: dict[str, Answer],
    draft_cookie: str | None = None,
) -> None:
    """Store one answer set for one link, in one transaction of its own.

    Exactly once per invitation: repeating a submission with the same code (a
    double click, a lost response) changes nothing and succeeds; with another
    code it raises :class:`AlreadyAnswered`, and after closing :class:`Closed`.
    The transaction inserts the answer set and deletes the draft, and touches
    no row that names the invitation. It commits by itself, since the database
    decides between two at once by refusing the later one.
    """
    slot, receipt = anonymity.slot_of(token), anonymity.receipt_of(code)
    try:
        with transaction() as session:
            # Shared lock: closing waits for those who are submitting, and they for it.
            survey = session.scalars(
                select(Survey).where(Survey.id == survey_id).with_for_update(read=True)
            ).one_or_none()
            if survey is None or survey.closed_at is not None:
                raise Closed
            if not _insert(session, survey_id, slot, receipt, answers):
                _compare(session, slot, receipt)
                return
            if draft_cookie:
                session.execute(
                    delete(Draft).where(Draft.cookie_digest == ring().digest(draft_cookie, "draft"))
                )
    except IntegrityError:  # a trigger's: it closed just now
        db.session.rollback()
        raise Closed from None


def _insert(
    session: Session, survey_id: UUID, slot: bytes, receipt: bytes, answers: dict[str, Answer]
) -> bool:
    """Insert the answer set if its slot is free."""
    statement = (
        _dialect(session)
        .insert(AnswerSet)
        .values(id=uuid4(), survey_id=survey_id, slot=slot, receipt=receipt, answers=answers)
        .on_conflict_do_nothing(index_elements=["slot"])
        .returning(AnswerSet.id)
    )
    return session.scalar(statement) is not None


def _compare(session: Session, slot: bytes, receipt: bytes) -> None:
    stored = session.scalar(select(AnswerSet.receipt).where(AnswerSet.slot == slot))
    if stored is None or bytes(stored) != receipt:
        raise AlreadyAnswered


def open_answers(session: Session, code: str, now: datetime) -> bool:
    """Whether ``code`` opens answers; that they were asked for is noted."""
    found = answers_by_code(session, code) is not None
    if found:
        _note(session, code, "access", now)
    return found


def _note(session: Session, code: str, kind: str, now: datetime) -> None:
    right_by_code.send(anonymity.request_of(code), session=session, kind=kind, day=day_of(now))


def correct(session: Session, code: str, answers: dict[str, Answer], now: datetime) -> None:
    """Replace the answers that ``code`` opens. Raises :class:`Refused` after closing."""
    held, _ = _open_by_code(session, code)
    held.answers = answers
    _note(session, code, "correct", now)
    session.flush()


def restrict_answers(session: Session, code: str, now: datetime, *, restricted: bool) -> None:
    """Keep the answers out of the result, or let them in again, until closing."""
    held, _ = _open_by_code(session, code)
    held.restricted = restricted
    _note(session, code, "restrict", now)
    session.flush()


def withdraw(session: Session, code: str, now: datetime) -> bool:
    """Delete the answers that ``code`` opens; whether the link may answer anew.

    After closing the published figures stay as they are, so that a withdrawal
    can't be used to subtract a person.
    """
    found = answers_by_code(session, code)
    if found is None:
        raise Refused("unknown code")
    held, listed = found
    survey = hold(session, listed.survey)
    ledger().note_withdrawn(held.receipt)
    session.delete(held)
    _note(session, code, "erase", now)
    start_job(session, "compact", {}, now=now)
    session.flush()
    return survey.closed_at is None


def hold(session: Session, survey: Survey, *, alone: bool = False) -> Survey:
    """Lock the survey and read it anew: closing waits for this transaction, and this for it."""
    return session.scalars(
        select(Survey)
        .where(Survey.id == survey.id)
        .with_for_update(read=not alone)
        .execution_options(populate_existing=True)
    ).one()


def _open_by_code(session: Session, code: str) -> tuple[AnswerSet, Survey]:
    found = answers_by_code(session, code)
    if found is None or hold(session, found[1].survey).closed_at is not None:
        raise Refused("closed")
    return found[0], found[1].survey
