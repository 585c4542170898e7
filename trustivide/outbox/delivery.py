"""Delivering queued mail over SMTP, or into files in development.

A row is claimed with a lease, marked *sending* in a transaction of its own
right before it is handed over, and marked again after. A row that a crash cut
between those two is ambiguous: nobody can know whether the server took it.
"""

import email
import logging
import smtplib
import ssl
from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from uuid import UUID

import flask_mail
from flask import Flask, current_app, render_template
from flask_babel import force_locale
from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from trustivide.core import clock
from trustivide.core.activities import (
    BY_KEY,
    COLLEAGUE_INVITATIONS,
    MARKETING_EMAIL,
    SERVICE_MAIL,
    TEAM_SURVEYS,
    TEAM_WORKSHOPS,
)
from trustivide.core.crypto import normalise_address
from trustivide.core.db import db, transaction
from trustivide.core.inventory import Store
from trustivide.core.subjects import Person
from trustivide.core.text import Text
from trustivide.outbox.models import Mail
from trustivide.outbox.registry import Enclosure, registry
from trustivide.rights.queries import may_use

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=10)  # longer than a whole batch of time-outs
BATCH = 20
MAX_ATTEMPTS = 8
# With RFC 8058's header and link
_STOPPABLE = frozenset(
    a.key for a in (MARKETING_EMAIL, TEAM_SURVEYS, TEAM_WORKSHOPS, COLLEAGUE_INVITATIONS)
)


class VerifiedConnection(flask_mail.Connection):
    """Flask-Mail's connection with certificate checks and a time-out, which it lacks."""

    TIMEOUT = 15

    def configure_host(self) -> smtplib.SMTP:
        """Connect, prove the server's name, and sign in."""
        settings = self.mail
        if settings.use_ssl:
            host: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.server,
                settings.port,
                timeout=self.TIMEOUT,
                context=ssl.create_default_context(),
            )
        else:
            host = smtplib.SMTP(settings.server, settings.port, timeout=self.TIMEOUT)
        if settings.use_tls:
            host.starttls(context=ssl.create_default_context())
        if settings.username and settings.password:
            host.login(settings.username, settings.password)
        return host


def deliver_due(app: Flask) -> int:
    """Deliver everything that is due; returns how many rows were worked off."""
    done = 0
    _settle_expired(clock.now())
    while claimed := _claim(clock.now()):
        send, close = _transport(app)
        try:
            for mail_id in claimed:
                _deliver(mail_id, send)
                done += 1
        finally:
            close()
    return done


def _claim(now: datetime) -> list[UUID]:
    due = (
        select(Mail.id)
        .where(
            Mail.state.in_(("queued", "deferred")),
            or_(Mail.not_before.is_(None), Mail.not_before <= now),
        )
        .order_by(Mail.id)
        .limit(BATCH)
    )
    with transaction() as session:
        return list(
            session.scalars(
                update(Mail)
                .where(Mail.id.in_(due), Mail.state.in_(("queued", "deferred")))
                .values(state="claimed", lease=now + LEASE)
                .returning(Mail.id)
                .execution_options(synchronize_session=False)
            )
        )


def _settle_expired(now: datetime) -> None:
    """Give back what a dead worker had claimed; flag what it was sending."""
    with transaction() as session:
        session.execute(
            delete(Mail)
            .where(Mail.state == "sending", Mail.lease < now, Mail.kind.in_(registry.traceless))
            .execution_options(synchronize_session=False)
        )
        for held, becomes in (("claimed", "queued"), ("sending", "ambiguous")):
            session.execute(
                update(Mail)
                .where(Mail.state == held, Mail.lease < now)
                .values(state=becomes, lease=None)
                .execution_options(synchronize_session=False)
            )


def _deliver(mail_id: UUID, send: Callable[[EmailMessage], None]) -> None:
    now = clock.now()
    message = _composed(mail_id, now)
    with transaction() as session:
        mail = session.get(Mail, mail_id, with_for_update=True)
        if mail is None or mail.recipient is None or mail.state != "claimed":
            return  # erased or put off meanwhile
        # The last word on permission, in the same transaction as the marking:
        # an objection made while the mail was queued stops it.
        person = registry.person_of(session, mail.recipient)
        sending = message if may_use(session, person, BY_KEY[mail.purpose]) else None
        # A traceless mail is marked alike whether or not it is sent, and keeps
        # its batch's lease: neither the file and its journal nor the time
        # between two rows may tell whom a reminder left out.
        traceless = mail.kind in registry.traceless
        mail.state = "sending" if sending is not None or traceless else "withheld"
        mail.attempts += 1
        if not traceless:
            mail.lease = now + LEASE
        state = mail.state
    code: int | None = None
    if sending is not None:
        state, code = _hand_over(sending, send)
    _mark(mail_id, state, code, now)


def _composed(mail_id: UUID, now: datetime) -> EmailMessage | None:
    """The rendered mail. One that can't be rendered is put off and must not stop the others."""
    mail = db.session.get(Mail, mail_id)
    if mail is None or mail.recipient is None:
        return None
    try:
        return compose(mail)
    except Exception:
        log.exception("mail %s (%s) could not be composed", mail_id, mail.kind)
        db.session.rollback()
    with transaction() as session:
        if (failed := session.get(Mail, mail_id)) is not None:
            failed.attempts += 1
    _mark(mail_id, "deferred", None, now)
    return None


def _mark(mail_id: UUID, state: str, code: int | None, now: datetime) -> None:
    """Write down what became of a mail, and wipe it when there is nothing left to try."""
    with transaction() as session:
        mail = session.get(Mail, mail_id)
        if mail is None:  # erased while it was sent
            return
        if mail.kind in registry.traceless:
            # Not even one that the server put off is tried again: the rows left
            # waiting would name exactly those who were to be reminded.
            session.delete(mail)
            return
        again = state == "deferred" and mail.attempts < MAX_ATTEMPTS
        mail.state = state if again or state != "deferred" else "failed"
        mail.smtp_code = code
        mail.lease = None
        mail.not_before = now + timedelta(minutes=2**mail.attempts) if again else None
        if mail.state in {"sent", "failed", "withheld"}:
            mail.recipient = mail.params = mail.recipient_digest = None


def _hand_over(
    message: EmailMessage, send: Callable[[EmailMessage], None]
) -> tuple[str, int | None]:
    try:
        send(message)
    except smtplib.SMTPRecipientsRefused as refused:
        code = next(iter(refused.recipients.values()))[0]
        return ("failed" if code >= 500 else "deferred"), code
    except smtplib.SMTPResponseException as refused:
        return ("failed" if refused.smtp_code >= 500 else "deferred"), refused.smtp_code
    except (OSError, smtplib.SMTPException):
        log.exception("mail was cut while it was handed over")
        return "ambiguous", None
    return "sent", None


def compose(mail: Mail) -> EmailMessage | None:
    """Render the mail in its language. ``None`` when its composer says not to send it."""
    assert mail.recipient is not None
    composer = registry.composers.get(mail.kind)
    context = composer(db.session(), mail.params or {}) if composer else dict(mail.params or {})
    if context is None:
        return None
    settings = current_app.config["SETTINGS"]
    unsubscribe = None
    if registry.unsubscribe and mail.purpose in _STOPPABLE:
        unsubscribe = settings.public_url + registry.unsubscribe(mail.recipient, mail.purpose)
    with force_locale(mail.locale):
        rendered = {
            part: render_template(
                f"mail/{mail.kind}/{part}",
                public_url=settings.public_url,
                contact_email=settings.contact_email,
                locale=mail.locale,
                unsubscribe=unsubscribe,
                **context,
            )
            for part in ("subject.txt", "body.txt", "body.html")
        }
    message = EmailMessage()
    # Header values on one line: EmailMessage refuses CR and LF, and a name
    # with a line break in it must not stop the mail.
    message["Subject"] = " ".join(rendered["subject.txt"].split())
    message["From"] = settings.values["MAIL_DEFAULT_SENDER"]
    message["To"] = mail.recipient
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(str(mail.id), domain="trustivide")
    message["Auto-Submitted"] = "auto-generated"
    if unsubscribe:
        message["List-Unsubscribe"] = f"<{unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(rendered["body.txt"])
    message.add_alternative(rendered["body.html"], subtype="html")
    enclosed: Enclosure | None = context.get("enclosed")
    if enclosed:
        message.add_attachment(
            enclosed.make(message["From"], mail.recipient, clock.now()).decode(),
            subtype="calendar",
            filename=enclosed.name,
            params={"method": enclosed.method},
        )
    return message


def mail_folder(app: Flask) -> Path | None:
    """Where development keeps mail as .eml files; ``None`` when mail is really sent."""
    settings = app.config["SETTINGS"]
    if settings.values["MAIL_SERVER"] or settings.production:
        return None
    folder: Path = settings.instance / "mail"
    folder.mkdir(exist_ok=True)
    return folder


def _transport(
    app: Flask,
) -> tuple[Callable[[EmailMessage], None], Callable[[], None]]:
    folder = mail_folder(app)
    if folder is not None:

        def keep(message: EmailMessage) -> None:
            stamp = clock.now().strftime("%Y%m%d-%H%M%S-%f")
            (folder / f"{stamp}.eml").write_bytes(message.as_bytes())

        return keep, lambda: None
    connection = VerifiedConnection(app.extensions["mail"])
    host: list[smtplib.SMTP] = []

    def send(message: EmailMessage) -> None:
        if not host:
            host.append(_connect(connection))
        try:
            host[0].send_message(message)
        except smtplib.SMTPResponseException as refused:
            if refused.smtp_code == 421:  # the server has hung up (RFC 5321 §3.8)
                host.clear()
            raise
        except (OSError, smtplib.SMTPServerDisconnected):
            host.clear()
            raise

    def close() -> None:
        for open_host in host:
            try:
                open_host.quit()
            except (OSError, smtplib.SMTPException):
                log.info("the mail server had already hung up")

    return send, close


def _connect(connection: VerifiedConnection) -> smtplib.SMTP:
    """Any failure before the first command means that nothing was handed over."""
    try:
        return connection.configure_host()
    except (OSError, smtplib.SMTPException) as error:
        raise smtplib.SMTPConnectError(421, str(error)) from error


def _mine(folder: Path, person: Person) -> list[Path]:
    found = []
    for path in folder.glob("*.eml"):
        with path.open("rb") as file:
            to = email.message_from_binary_file(file)["To"] or ""
        if normalise_address(to) in person.addresses:
            found.append(path)
    return found


def _kept_mail(session: Session, person: Person) -> list[Path]:
    folder = mail_folder(current_app)
    return _mine(folder, person) if folder is not None else []


def _erase_kept_mail(session: Session, person: Person) -> int:
    mine = _kept_mail(session, person)
    for path in mine:
        path.unlink(missing_ok=True)
    return len(mine)


DEVELOPMENT_MAIL = Store(
    "development_mail",
    Text("Mejl som sparats som filer (bara i utveckling)", "Mail kept as files (development only)"),
    SERVICE_MAIL,
    lambda session, person: len(_kept_mail(session, person)),
    _erase_kept_mail,
)
