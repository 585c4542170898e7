"""What happens to surveys and answers. Submitting never writes an invitation."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from blinker import Signal
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from trustivide.core import clock
from trustivide.core.activities import TEAM_SURVEYS
from trustivide.core.clock import day_of
from trustivide.core.crypto import ring
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.core.inventory import Consequence
from trustivide.core.subjects import Person
from trustivide.core.text import Text
from trustivide.organisations.models import Organisation
from trustivide.organisations.queries import Actor, organisation_of, owned_alone
from trustivide.outbox.actions import send_mail, start_job
from trustivide.outbox.models import Mail
from trustivide.rights import queries as rights
from trustivide.rights.ledger import ledger
from trustivide.surveys import anonymity, snapshot
from trustivide.surveys.catalogue import Answer, Instrument, load
from trustivide.surveys.models import AnswerSet, Draft, Invitation, Snapshot, Survey
from trustivide.surveys.queries import answers_by_code, running
from trustivide.teams.models import Team, TeamMember

log = logging.getLogger(__name__)

LONGEST = timedelta(days=90)

right_by_code = Signal(
    "Somebody used a right with a receipt code: sent with a digest of the code that nothing else "
    "stores, session=, kind= and day=, in the transaction that does it. Never by submitting."
)


class AlreadyAnswered(Exception):
    """The link's slot is taken by an answer set with another receipt code."""


class Closed(Exception):
    """The survey closed before the answers arrived; nothing was stored."""


def invitable(session: Session, members: Sequence[TeamMember]) -> list[TeamMember]:
    """The members who have not said no to invitations."""
    said_no = rights.refusing(session, [m.email for m in members], TEAM_SURVEYS)
    return [m for m in members if m.email not in said_no]


def launch(
    session: Session,
    actor: Actor,
    team: Team,
    members: Sequence[TeamMember],
    instrument: Instrument,
    *,
    message: str,
    closes_at: datetime,
    locale: str,
    now: datetime,
    survey_id: UUID | None = None,
) -> Survey:
    """Send ``instrument`` to the members who accept invitations, each with an own link.

    From here on k, team and instrument are locked by the database.
    ``survey_id`` comes from the preview, so that sending twice sends once: the
    second call raises IntegrityError. Raises :class:`Refused` when nobody can
    be invited or the closing date is not within 90 days from now.
    """
    if not now < closes_at <= now + LONGEST:
        raise Refused("closing date")
    invited = invitable(session, members)
    if not invited:
        raise Refused("nobody to invite")
    survey = Survey(
        id=survey_id or uuid4(),
        team_id=team.id,
        instrument=instrument.key,
        instrument_version=instrument.version,
        instrument_hash=instrument.fingerprint,
        locale=locale,
        message=message,
        k=organisation_of(session, actor).minimum_answers,
        invited=len(invited),
        link_key=anonymity.new_link_key(),
        launched_by_id=actor.user_id,
        opened_at=now,
        closes_at=closes_at,
    )
    session.add(survey)
    session.flush()
    for member in invited:
        _invite(session, survey, member.email, now)
    return survey


def _invite(session: Session, survey: Survey, email: str, now: datetime) -> None:
    assert survey.link_key is not None
    invitation_id = uuid4()
    token = anonymity.token_of(survey.link_key, invitation_id)
    session.add(
        Invitation(
            id=invitation_id,
            survey_id=survey.id,
            email=email,
            lookup=anonymity.lookup_of(token),
        )
    )
    send_mail(
        session,
        "survey_invitation",
        email,
        {"invitation": str(invitation_id)},
        purpose=TEAM_SURVEYS,
        locale=survey.locale,
        now=now,
        about_id=invitation_id,
    )


def on_address_corrected(row: object, *, session: Session, before: str) -> None:
    """Let the invitations of a corrected member's team follow to the new address.

    The links that were sent stay valid. Where the new address was invited to
    the same survey already, the other invitation stays as it is.
    """
    if not isinstance(row, TeamMember):
        return
    new = Person.of(None, row.email).address_digests
    asked = select(Invitation.survey_id).where(Invitation.email_digest.in_(new))
    for invitation in session.scalars(
        select(Invitation)
        .join(Survey, Invitation.survey_id == Survey.id)
        .where(
            Survey.team_id == row.team_id,
            Survey.id.not_in(asked),
            Invitation.email_digest.in_(Person.of(None, before).address_digests),
        )
    ).all():
        invitation.email = row.email
    session.flush()


def remind(session: Session, survey: Survey, now: datetime) -> None:
    """Queue a reminder for *every* invitation; who has answered is looked up when sending.

    At most once a day. The rows leave no trace, whatever becomes of them.
    Raises :class:`Refused` when one went out today or the survey is closed.
    """
    survey = _hold(session, survey, alone=True)
    today = day_of(now)
    if survey.closed_at is not None or survey.reminded_on == today:
        raise Refused("reminded today")
    survey.reminded_on = today
    for invitation in session.scalars(
        select(Invitation).where(Invitation.survey_id == survey.id)
    ).all():
        send_mail(
            session,
            "survey_reminder",
            invitation.email,
            {"invitation": str(invitation.id)},
            purpose=TEAM_SURVEYS,
            locale=survey.locale,
            now=now,
        )


def save_draft(session: Session, survey: Survey, cookie: str, answers: dict[str, str]) -> None:
    """Keep half-filled answers under the browser's cookie; nothing names the invitation."""
    digest = ring().digest(cookie, "draft")
    draft = session.scalar(select(Draft).where(Draft.cookie_digest == digest))
    sealed = anonymity.seal_draft(cookie, answers)
    if draft is None:
        session.add(Draft(survey_id=survey.id, cookie_digest=digest, sealed=sealed))
    else:
        draft.sealed = sealed
    session.flush()


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
    """Insert the answer set if its slot is free.

    ON CONFLICT rather than a caught violation: PostgreSQL writes a violated
    key with the time into its own log, and that would date an answer.
    """
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(AnswerSet)
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
    survey = _hold(session, listed.survey)
    ledger().note_withdrawn(held.receipt)
    session.delete(held)
    _note(session, code, "erase", now)
    start_job(session, "compact", {}, now=now)
    session.flush()
    return survey.closed_at is None


def _hold(session: Session, survey: Survey, *, alone: bool = False) -> Survey:
    """Lock the survey and read it anew: closing waits for this transaction, and this for it."""
    return session.scalars(
        select(Survey)
        .where(Survey.id == survey.id)
        .with_for_update(read=not alone)
        .execution_options(populate_existing=True)
    ).one()


def _open_by_code(session: Session, code: str) -> tuple[AnswerSet, Survey]:
    found = answers_by_code(session, code)
    if found is None or _hold(session, found[1].survey).closed_at is not None:
        raise Refused("closed")
    return found[0], found[1].survey


def close(session: Session, survey: Survey, now: datetime) -> None:
    """Freeze the result, destroy the link key, delete the drafts. Closing twice closes once.

    The ledger hears of it first: a restored backup must not revive the key.
    """
    locked = _hold(session, survey, alone=True)
    if locked.closed_at is not None:
        return
    _note_closing(locked, now)
    answer_sets = session.scalars(
        select(AnswerSet.answers).where(
            AnswerSet.survey_id == survey.id, AnswerSet.restricted.is_(False)
        )
    ).all()
    instrument = load(locked.instrument, locked.instrument_version)
    figures = snapshot.compute(instrument, answer_sets, k=locked.k, invited=locked.invited)
    session.add(Snapshot(survey_id=locked.id, figures=figures))
    session.flush()  # before closing: a closed survey takes no result any more
    locked.closed_at = now
    locked.link_key = None
    session.execute(delete(Draft).where(Draft.survey_id == locked.id))
    start_job(session, "compact", {}, now=now)  # the key must leave the file, not only its row
    session.flush()


def _note_closing(survey: Survey, now: datetime) -> None:
    reference = ring().digest(survey.id.bytes, "survey")
    ledger().append("survey-closed", reference, day_of(now), {"survey": str(survey.id)})


def blocks_removal(session: Session, team: Team) -> bool:
    """Whether the team must stay because a survey of it is open."""
    found = session.scalar(
        select(Survey.id).where(Survey.team_id == team.id, Survey.closed_at.is_(None)).limit(1)
    )
    return found is not None


def close_due(now: datetime) -> None:
    """Close every survey whose closing date has passed; the worker calls it every minute."""
    due = db.session.scalars(
        select(Survey.id).where(Survey.closed_at.is_(None), Survey.closes_at <= now)
    ).all()
    for survey_id in due:
        try:
            with transaction() as session:
                close(session, session.get_one(Survey, survey_id), clock.now())
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
