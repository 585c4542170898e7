"""Asking for mail and jobs, inside the caller's transaction."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.orm import Session

from trustivide.core.activities import Activity
from trustivide.core.clock import day_of
from trustivide.outbox.models import Job, Mail

_wake: list[Callable[[], None]] = []


def send_mail(
    session: Session,
    kind: str,
    recipient: str,
    params: dict[str, Any],
    *,
    purpose: Activity,
    locale: str,
    now: datetime,
    about_id: UUID | None = None,
    not_before: datetime | None = None,
) -> Mail:
    """Queue the mail ``templates/mail/<kind>/`` to ``recipient``.

    It is rendered, and permission to send it is asked, when it is sent.
    ``params`` must be JSON; ``about_id`` names the row that shows its state.
    """
    mail = Mail(
        kind=kind,
        recipient=recipient,
        params=params,
        purpose=purpose.key,
        locale=locale,
        about_id=about_id,
        not_before=not_before,
        created_on=day_of(now),
    )
    session.add(mail)
    session.flush()
    session.info["wake"] = True
    return mail


def start_job(
    session: Session,
    kind: str,
    params: dict[str, str],
    *,
    now: datetime,
    not_before: datetime | None = None,
) -> Job:
    """Queue a job for the handler registered under ``kind``."""
    job = Job(kind=kind, params=params, not_before=not_before, created_on=day_of(now))
    session.add(job)
    session.flush()
    session.info["wake"] = True
    return job


def install_wake(wake: Callable[[], None]) -> None:
    """Let ``wake`` be called after each commit that queued something.

    Losing a wake-up loses nothing: the worker also looks every minute.
    """
    _wake[:] = [wake]


@event.listens_for(Session, "after_commit")
def _wake_worker(session: Session) -> None:
    if session.info.pop("wake", False):
        for wake in _wake:
            wake()


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop("wake", None)
