"""Mail and jobs as rows: written in the caller's transaction, worked off by the worker."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, Index
from sqlalchemy.orm import Mapped

from trustivide.core.activities import SERVICE_MAIL
from trustivide.core.crypto import Digest, EncryptedAddress, EncryptedJSON
from trustivide.core.db import DELETE_ROW, Model, key, personal, plain
from trustivide.core.subjects import ByEmail
from trustivide.core.text import Text


class Mail(Model):
    """One mail to one address.

    States: queued → claimed → sending → sent, or deferred (tried again),
    failed (refused for good), withheld (the person said no), ambiguous (cut
    between sending and marking: neither resent nor forgotten). A sent mail is
    bounced when a delivery-status message (RFC 3464) says so afterwards.
    Address and parameters are wiped once there is nothing left to try.
    """

    __label__ = Text("Mejl på väg till dig", "Mail on its way to you")
    __subject__ = ByEmail("recipient_digest")
    __since__ = "created_on"
    __table_args__ = (
        CheckConstraint(
            "state IN ('queued','claimed','sending','sent','deferred','failed','withheld',"
            "'ambiguous','bounced')",
            name="state",
        ),
        Index("ix_mail_state_not_before", "state", "not_before"),
    )

    id: Mapped[UUID] = key()
    kind: Mapped[str] = personal(
        activity=SERVICE_MAIL, erase=DELETE_ROW, label=Text("Slag", "Kind")
    )
    recipient: Mapped[str | None] = personal(
        EncryptedAddress(),
        activity=SERVICE_MAIL,
        erase=DELETE_ROW,
        label=Text("E-postadress", "E-mail address"),
    )
    recipient_digest: Mapped[bytes | None] = personal(
        Digest(of="recipient"), activity=SERVICE_MAIL, erase=DELETE_ROW, derived=True, index=True
    )
    params: Mapped[dict[str, Any] | None] = personal(
        EncryptedJSON(),
        activity=SERVICE_MAIL,
        erase=DELETE_ROW,
        secret=True,
        label=Text("Innehåll, med engångslänkar", "Content, with one-time links"),
    )
    purpose: Mapped[str] = plain(why="key of the activity that the mail serves")
    locale: Mapped[str] = plain(why="language of the mail")
    about_id: Mapped[UUID | None] = plain(why="the row whose delivery state this is", index=True)
    state: Mapped[str] = plain(default="queued", why="delivery state")
    attempts: Mapped[int] = plain(default=0, why="count")
    not_before: Mapped[datetime | None] = plain(why="time of the next attempt")
    lease: Mapped[datetime | None] = plain(why="until when a worker holds the row")
    smtp_code: Mapped[int | None] = plain(why="the server's answer as a number")
    bounce_status: Mapped[str | None] = plain(why="enhanced status code (RFC 3463) of a bounce")
    created_on: Mapped[date] = personal(
        activity=SERVICE_MAIL, erase=DELETE_ROW, label=Text("Skapat", "Created")
    )


class Job(Model):
    """Long work in resumable steps. ``params`` holds ids of rows, nothing else."""

    __table_args__ = (
        CheckConstraint("state IN ('queued','running','done','failed')", name="state"),
        Index("ix_job_state_not_before", "state", "not_before"),
    )

    id: Mapped[UUID] = key()
    kind: Mapped[str] = plain(why="name of the handler")
    params: Mapped[dict[str, str]] = plain(JSON, why="ids of rows, each declared where it stands")
    state: Mapped[str] = plain(default="queued", why="state of the work")
    attempts: Mapped[int] = plain(default=0, why="count")
    not_before: Mapped[datetime | None] = plain(why="time of the next attempt")
    lease: Mapped[datetime | None] = plain(why="until when a worker holds the row")
    created_on: Mapped[date] = plain(why="day the work was asked for")
