"""Telling those who were given data that it was corrected, erased or restricted (GDPR Art. 19)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.core import inventory
from trustivide.core.activities import PRIVACY_RIGHTS, Recipient
from trustivide.core.clock import day_of
from trustivide.core.db import db, transaction
from trustivide.core.inventory import Group, Told
from trustivide.core.subjects import Person
from trustivide.outbox.actions import send_mail
from trustivide.outbox.models import Mail
from trustivide.privacy.models import RecipientNotice, Request

_UNDER_WAY = ("queued", "deferred")


def tell(
    session: Session,
    person: Person,
    request: Request,
    event: str,
    group: Group | None,
    now: datetime,
    *,
    kept: frozenset[str] = frozenset(),
) -> list[RecipientNotice]:
    """Note and mail everybody who must hear of ``event`` ("corrected", "erased", …).

    Call it while the rows still say to whom they were given. ``group`` narrows
    it to one group's rows; groups whose names are ``kept`` don't change. A
    recipient that holds our own copy of the data has it changed in place; the
    others get one mail each, which names nobody.
    """
    touched = [group] if group is not None else list(inventory.groups())
    mine = [g for g in touched if g.name not in kept and inventory.count(session, g, person)]
    in_place: dict[str, Recipient] = {
        r.key: r for g in mine for f in g.fields for r in f.activity.recipients if r.in_place
    }
    notices = [_note(session, person, request, key, event, "in_place", now) for key in in_place]
    told: dict[str, Told] = {}
    for informant in inventory.registry.informants:
        for part in mine if kept else [group]:
            for each in informant.find(session, person, part):
                told.setdefault(each.address, each)
    for each in told.values():
        notice = _note(session, person, request, each.recipient, event, "queued", now)
        send_mail(
            session,
            "recipient_notice",
            each.address,
            {**each.context, "event": event},
            purpose=PRIVACY_RIGHTS,
            locale=each.locale,
            now=now,
            about_id=notice.id,
        )
        notices.append(notice)
    return notices


def _note(
    session: Session,
    person: Person,
    request: Request,
    recipient: str,
    event: str,
    state: str,
    now: datetime,
) -> RecipientNotice:
    notice = RecipientNotice(
        request_id=request.id,
        reference=person.reference,
        recipient=recipient,
        event=event,
        state=state,
        on=day_of(now),
    )
    session.add(notice)
    session.flush()
    return notice


def settle(now: datetime) -> None:
    """Copy the delivery state of each notice under way from its mail, every minute.

    The mail's row is gone after a month; what became of the notice stays. A mail that
    came back after it was sent was not delivered.
    """
    moved = db.session.execute(
        select(RecipientNotice.id, Mail.state)
        .join(Mail, Mail.about_id == RecipientNotice.id)
        .where(
            RecipientNotice.state.in_(_UNDER_WAY) & (Mail.state != RecipientNotice.state)
            | (RecipientNotice.state == "sent") & (Mail.state == "bounced")
        )
    ).all()
    becomes = dict.fromkeys(("failed", "withheld", "bounced"), "failed")
    becomes |= {state: state for state in ("sent", "ambiguous", "deferred")}
    changes = {key: becomes[state] for key, state in moved if state in becomes}
    if not changes:
        return
    with transaction() as session:
        for key, state in changes.items():
            session.get_one(RecipientNotice, key).state = state
