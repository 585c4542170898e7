"""Telling people of a new version of the privacy policy: by mail and after signing in, once each.

What is written down is that somebody was informed, never that they agreed:
see docs/decisions/011.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.auth.models import User
from trustivide.auth.queries import person
from trustivide.core.activities import ALL, PRIVACY_RIGHTS, Activity
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.outbox.actions import send_mail
from trustivide.outbox.registry import Composer
from trustivide.rights import actions as rights
from trustivide.rights import legal_texts
from trustivide.rights.queries import consent_history, consented, was_informed

POLICY = "privacy-policy"
BATCH = 200
_PATH = "/privacy-policy/news"


def first_stop(session: Session, user: User, now: datetime) -> str | None:
    """Where somebody who just signed in is shown what is new; ``None`` once they have been.

    Noted as the way there is given, so that nobody is shown it twice.
    """
    who, text = person(user), legal_texts.current(POLICY, user.locale)
    if was_informed(session, who, POLICY, text.version, ("sign_in", "registration")):
        return None
    rights.inform(session, who, text, now, how="sign_in")
    return _PATH


def tell_by_mail(now: datetime) -> None:
    """Mail the newest version's changes to every account that it is new to, every night."""
    for users in _accounts_from_before():
        with transaction() as session:
            for user_id in users:
                user = session.get(User, user_id)
                if user is not None:
                    _mail(session, user, now)


def _accounts_from_before() -> Iterator[Sequence[UUID]]:
    """Confirmed accounts older than the newest version, some at a time."""
    version = legal_texts.current(POLICY, "sv")
    after = UUID(int=0)
    while users := db.session.scalars(
        select(User.id)
        .where(
            User.id > after,
            User.confirmed_at.is_not(None),
            User.created_on < version.valid_from,
        )
        .order_by(User.id)
        .limit(BATCH)
    ).all():
        after = users[-1]
        yield users


def _mail(session: Session, user: User, now: datetime) -> None:
    """Queue the mail and note it, unless that was done."""
    who, text = person(user), legal_texts.current(POLICY, user.locale)
    if was_informed(session, who, POLICY, text.version, ("mail", "registration")):
        return
    notice = rights.inform(session, who, text, now, how="mail")
    send_mail(
        session,
        "policy_changed",
        user.email,
        {"name": user.name, "version": text.version, "language": text.language},
        purpose=PRIVACY_RIGHTS,
        locale=user.locale,
        now=now,
        about_id=notice.id,
    )


def compose(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    """The mail's context."""
    text = legal_texts.load(POLICY, params["version"], params["language"])
    return {"name": params["name"], "policy": text}


def consents_to_renew(session: Session, who: Person) -> list[Activity]:
    """Activities to which the person said yes under a text that has changed since."""
    return [
        activity
        for activity in ALL
        if activity.consent_text is not None
        and (history := consent_history(session, who, activity))
        and history[0].event == "given"
        and not consented(session, who, activity)
    ]


COMPOSERS: dict[str, Composer] = {"policy_changed": compose}
