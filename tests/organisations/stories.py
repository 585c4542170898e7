"""Beginnings that the stories of an organisation's people share."""

from email.message import EmailMessage
from uuid import UUID

from flask import Flask
from sqlalchemy import func, select

from tests.factories import account, delivered, link_in
from trustivide.audit.models import AuditEntry
from trustivide.core.db import db
from trustivide.organisations import queries
from trustivide.organisations.models import ColleagueInvitation, Organisation
from trustivide.outbox.models import Mail

ALICE, BOB, CHARLIE = "alice@exempel.test", "bob@exempel.test", "charlie@annan.test"
EVA = "eva@exempel.test"
JOINING = {"name": "Eva Ek", "password": "granskog och dimma"}


def organisation_id(name: str = "Exempel AB") -> UUID:
    """The id of the organisation of this name."""
    db.session.rollback()
    return db.session.scalars(select(Organisation.id).where(Organisation.name == name)).one()


def there(path: str = "people", name: str = "Exempel AB") -> str:
    """The path of a page of the organisation."""
    return f"/organisation/{organisation_id(name)}/{path}"


def roles(name: str = "Exempel AB") -> dict[str, str]:
    """Who is in the organisation, with what role."""
    key = organisation_id(name)
    return {user.email: role for user, role in queries.accounts_of(db.session(), key)}


def invited() -> list[tuple[str, str]]:
    """Whose answer is waited for, and what they were offered."""
    db.session.rollback()
    rows = db.session.scalars(select(ColleagueInvitation).order_by(ColleagueInvitation.expires_at))
    return [(row.email, row.role) for row in rows]


def invitation_id(email: str = EVA) -> UUID:
    """The id of the invitation to an address."""
    db.session.rollback()
    rows = db.session.scalars(select(ColleagueInvitation)).all()
    return next(row.id for row in rows if row.email == email)


def mailed(app: Flask, subject: str) -> EmailMessage:
    """The newest mail with this subject."""
    return [m for m in delivered(app) if m["Subject"] == subject][-1]


def words(mail: EmailMessage) -> str:
    """The text part of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    return body.get_content()


def offer(app: Flask, organisation: str = "Exempel AB") -> str:
    """The path of the newest mailed invitation."""
    return link_in(mailed(app, f"Gå med i {organisation}"), "/invitation/")


def sealed(*events: str) -> list[tuple[str, str | None, str | None, str]]:
    """Entries of the audit trail: event, who did it, to whom, and the detail."""
    db.session.rollback()
    names = {account(e).id: e for e in (ALICE, BOB, CHARLIE, EVA) if _known(e)}
    rows = db.session.scalars(
        select(AuditEntry).where(AuditEntry.event.in_(events)).order_by(AuditEntry.number)
    )
    return [(r.event, names.get(r.actor_id), names.get(r.about_id), r.detail) for r in rows]  # type: ignore[arg-type]


def _known(email: str) -> bool:
    return queries.accounts.by_address(db.session(), email) is not None


def queued(kind: str) -> int:
    """How many mails of a kind were ever queued."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(Mail.kind == kind)) or 0
