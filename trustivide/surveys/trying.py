"""A test of a round's mail, to the leader who plans it."""

from datetime import datetime

from sqlalchemy.orm import Session

from trustivide.auth.models import User
from trustivide.core.activities import SERVICE_MAIL
from trustivide.organisations.queries import Actor, organisation_of
from trustivide.outbox.actions import send_mail
from trustivide.surveys.mails import about_instrument
from trustivide.surveys.models import EVERY
from trustivide.surveys.rounds import Plan
from trustivide.teams.queries import for_actor


def send_test(session: Session, actor: Actor, plan: Plan, path: str, now: datetime) -> str:
    """Mail the actor what the first of the plan's teams would get, with a link to ``path``.

    Nobody is invited and nothing of the plan is kept. Returns the address.
    """
    user = session.get_one(User, actor.user_id)
    organisation = organisation_of(session, actor)
    team = for_actor(session, actor).get(plan.team_ids[0])
    every = EVERY[plan.every_months] if plan.every_months else None
    about = about_instrument(plan.instrument, plan.locale, own=plan.own_version_id is not None)
    send_mail(
        session,
        "survey_test",
        user.email,
        about
        | {
            "team": team.name if team else "",
            "organisation": organisation.name,
            "message": plan.message,
            "k": organisation.minimum_answers,
            "every": every.in_(plan.locale) if every else None,
            "closes_at": plan.closes_at.isoformat(),
            "path": path,
        },
        purpose=SERVICE_MAIL,
        locale=plan.locale,
        now=now,
    )
    return user.email
