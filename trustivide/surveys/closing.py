"""What ends a survey: its closing date, a leader, or the end of its organisation."""

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, Result, and_, delete, or_, select, type_coerce
from sqlalchemy.orm import Session

from trustivide.core import clock
from trustivide.core.clock import day_of
from trustivide.core.crypto import ring
from trustivide.core.db import db, transaction
from trustivide.core.inventory import Consequence
from trustivide.core.subjects import Person
from trustivide.core.text import Text
from trustivide.organisations.models import Organisation
from trustivide.organisations.queries import owned_alone
from trustivide.outbox.actions import start_job
from trustivide.outbox.models import Mail
from trustivide.rights.ledger import ledger
from trustivide.surveys import snapshot
from trustivide.surveys.actions import hold
from trustivide.surveys.models import AnswerSet, Draft, Invitation, Snapshot, Survey
from trustivide.surveys.overlap import WINDOW
from trustivide.surveys.queries import instrument_of, running
from trustivide.teams.models import Team

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Frozen:
    """A result, and of what: ``seal`` is a digest of the answer sets as they are stored."""

    seal: bytes
    figures: dict[str, Any]


BATCH = 1000
_STORED = (
    AnswerSet.id,
    AnswerSet.restricted,
    type_coerce(AnswerSet.answers, LargeBinary).label("stored"),
)


def freeze(session: Session, survey: Survey) -> Frozen:
    """The result of the answers as they stand now: to have it ready when the survey closes.

    Opening a hundred thousand answer sets takes seconds. Done beforehand, nobody who
    submits waits for it (docs/decisions/023). Shows nothing to anybody and writes nothing.
    """
    instrument = instrument_of(survey)
    names = {key: key for key in instrument.by_key}  # one string for all sets, not one each
    digest, answer_sets = _head(survey), []
    # One statement, so that seal and figures are of the same moment.
    for row in _each(session, survey.id, *_STORED, AnswerSet.answers):
        digest.update(_sealed(row))
        if not row.restricted:
            answer_sets.append({names.get(key, key): value for key, value in row.answers.items()})
    invited = survey.invited + survey.invited_later
    own = survey.own_version_id is not None
    figures = snapshot.compute(instrument, answer_sets, k=survey.k, invited=invited, own=own)
    return Frozen(digest.digest(), figures)


def _seal(session: Session, survey: Survey) -> bytes:
    """The digest alone, without opening an answer: a hundredth of the time."""
    digest = _head(survey)
    for row in _each(session, survey.id, *_STORED):
        digest.update(_sealed(row))
    return digest.digest()


def _each(session: Session, survey_id: UUID, *columns: Any) -> Result[Any]:
    statement = select(*columns).where(AnswerSet.survey_id == survey_id).order_by(AnswerSet.id)
    return session.execute(statement, execution_options={"yield_per": BATCH})


def _head(survey: Survey) -> "hashlib._Hash":
    counted = f"{survey.id} {survey.k} {survey.invited} {survey.invited_later}"
    return hashlib.sha256(counted.encode())


def _sealed(row: Any) -> bytes:
    stored = bytes(row.stored)
    return bytes([row.restricted]) + bytes(row.id.bytes) + hashlib.sha256(stored).digest()


def close(session: Session, survey: Survey, now: datetime, frozen: Frozen | None = None) -> None:
    """Freeze the result, destroy the link key, delete the drafts. Closing twice closes once.

    A result that was ``frozen`` before is taken if nothing was answered, corrected,
    restricted or withdrawn since. The ledger hears of the closing first: a restored
    backup must not revive the key.
    """
    locked = hold(session, survey, alone=True)
    if locked.closed_at is not None:
        return
    _note_closing(locked, now)
    if frozen is None or frozen.seal != _seal(session, locked):
        frozen = freeze(session, locked)
    session.add(Snapshot(survey_id=locked.id, figures=frozen.figures))
    session.flush()  # before closing: a closed survey takes no result any more
    locked.closed_at = now
    locked.link_key = None
    session.execute(delete(Draft).where(Draft.survey_id == locked.id))
    start_job(session, "compact", {}, now=now)  # the key must leave the file, not only its row
    session.flush()


def _note_closing(survey: Survey, now: datetime) -> None:
    reference = ring().digest(survey.id.bytes, "survey")
    ledger().append("survey-closed", reference, day_of(now), {"survey": str(survey.id)})


def blocks_removal(session: Session, team: Team, now: datetime) -> bool:
    """Whether the team must stay because a survey of it is open, or its result is fresh.

    With the team would go the knowledge of who was asked: the rest of it could be asked
    again without one person, and the results be subtracted.
    """
    found = session.scalar(
        select(Survey.id)
        .where(
            Survey.team_id == team.id,
            or_(
                Survey.closed_at.is_(None),
                and_(
                    Survey.closed_at > now - WINDOW,
                    Survey.invited + Survey.invited_later >= Survey.k,
                ),
            ),
        )
        .limit(1)
    )
    return found is not None


def close_due(now: datetime) -> None:
    """Close every survey whose closing date has passed; the worker calls it every minute."""
    due = db.session.scalars(
        select(Survey.id).where(Survey.closed_at.is_(None), Survey.closes_at <= now)
    ).all()
    for survey_id in due:
        try:
            frozen = freeze(db.session(), db.session.get_one(Survey, survey_id))
            with transaction() as session:
                close(session, session.get_one(Survey, survey_id), clock.now(), frozen)
        except Exception:
            # One survey that can't be closed must not keep the others open.
            log.exception("survey %s could not be closed", survey_id)
            db.session.rollback()


def on_organisation_closing(organisation: Organisation, *, session: Session, now: datetime) -> None:
    """An organisation is about to be erased with its surveys: their links and mail end for good."""
    for survey in running(session, organisation.id):
        _note_closing(survey, now)
    invitations = (
        select(Invitation.id)
        .join(Survey, Invitation.survey_id == Survey.id)
        .join(Team, Survey.team_id == Team.id)
        .where(Team.organisation_id == organisation.id)
    )
    # What a reminder is about stands in its sealed parameters alone. Such rows exist only
    # while they wait, so there are few to read.
    known = {str(invitation_id) for invitation_id in session.scalars(invitations)}
    for mail in session.scalars(select(Mail).where(Mail.kind == "survey_reminder")):
        if (mail.params or {}).get("invitation") in known:
            session.delete(mail)
    session.execute(
        delete(Mail)
        .where(Mail.about_id.in_(invitations))
        .execution_options(synchronize_session=False)
    )


def ending_preview(session: Session, organisation_id: UUID) -> list[Consequence]:
    """Say what becomes of running surveys when an organisation's contract ends."""
    return _ending_surveys(len(running(session, organisation_id)))


def _ending_surveys(number: int) -> list[Consequence]:
    if not number:
        return []
    return [
        Consequence(
            Text(
                f"Pågående enkäter som avslutas utan resultat: {number}.",
                f"Running surveys that end without a result: {number}.",
            )
        )
    ]


def erasure_preview(session: Session, person: Person) -> list[Consequence]:
    """Say what an erasure does to surveys, and what it can't do to answers."""
    found = []
    if person.user_id is not None:
        ending = sum(len(running(session, o.id)) for o in owned_alone(session, person.user_id))
        found += _ending_surveys(ending)
    if person.addresses and session.scalar(
        select(Invitation.id)
        .join(Survey, Invitation.survey_id == Survey.id)
        .where(Invitation.email_digest.in_(person.address_digests), Survey.closed_at.is_(None))
        .limit(1)
    ):
        found.append(
            Consequence(
                Text(
                    "Din inbjudan till en pågående enkät raderas. Har du redan svarat finns "
                    "svaren kvar, eftersom vi inte vet vilka som är dina: ta tillbaka dem med "
                    "kvittokoden.",
                    "Your invitation to a running survey is erased. If you have answered, the "
                    "answers stay, since we don't know which are yours: withdraw them with the "
                    "receipt code.",
                )
            )
        )
    return found
