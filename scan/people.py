"""Who visits the site: the demo, and a person of every role, signed in over HTTP."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import partial
from pathlib import Path

import pyotp
from flask import Flask
from sqlalchemy import select

from scan.site import Site
from scan.visitor import Visitor
from tests import documents, factories
from tests.surveys.stories import actor_of
from trustivide import demo
from trustivide.admin import actions as office
from trustivide.auth.models import Passkey, User
from trustivide.core import clock
from trustivide.core.activities import MARKETING_EMAIL, TEAM_SURVEYS
from trustivide.core.clock import day_of
from trustivide.core.db import db, transaction
from trustivide.core.roles import STAFF_ROLES
from trustivide.core.subjects import Person
from trustivide.organisations import invitations
from trustivide.organisations.models import AgreementAcceptance
from trustivide.privacy import desk
from trustivide.privacy.actions import unsubscribe_path
from trustivide.privacy.models import AddressChange, Export, Request
from trustivide.surveys import actions as surveys
from trustivide.surveys import anonymity, building, following_up
from trustivide.surveys.catalogue import Answer, latest
from trustivide.surveys.models import Invitation, Survey
from trustivide.workshops import attachments
from trustivide.workshops.models import Search, Workshop

CUSTOMERS = {
    "member": "mia@exempel.test",
    "leader": demo.BOB,
    "admin": "adam@exempel.test",
    "owner": demo.ALICE,
}
STAFF = {role: demo.STINA if role == "owner" else f"{role}@trustivide.test" for role in STAFF_ROLES}
ROLES = ("stranger", "respondent", "subject", *CUSTOMERS, *(f"staff {role}" for role in STAFF))
RESPONDENT, ANSWERED, SUBJECT = (f"{n}@exempel.test" for n in ("william", "ylva", "zara"))
CHARLIE = "charlie@exempel.test"


@dataclass
class Secrets:
    """What only the people themselves know."""

    seeds: dict[str, str]
    link: str = ""
    code: str = ""
    paths: list[str] = field(default_factory=list)


def seed(into: Secrets) -> Callable[[Flask], None]:
    """Fill a site with the demo, a person of each role, and something of each kind."""

    def fill(app: Flask) -> None:
        demo.seed(clock.now())
        alice = factories.account(demo.ALICE)
        factories.colleague(alice, "member", "Mia Mård", CUSTOMERS["member"])
        factories.colleague(alice, "admin", "Adam Ask", CUSTOMERS["admin"])
        for role, email in STAFF.items():
            if email != demo.STINA:
                factories.staff(f"Sam {role}", email, role)
            with transaction() as session:
                person = session.get_one(User, factories.account(email).id)
                person.totp_secret = person.totp_secret or pyotp.random_base32(32)
                passkey = {"credential_id": person.id.bytes, "public_key": b"nobody's other half"}
                today = day_of(clock.now())
                session.add(
                    Passkey(user_id=person.id, name="Telefonen", created_on=today, **passkey)
                )
            into.seeds[email] = person.totp_secret
        _things(clock.now())
        _of_the_organisation(clock.now())
        _file(attachments.folder_in(app.config["SETTINGS"].instance), clock.now())
        into.link, into.code = _answers()
        with app.test_request_context():
            into.paths.append(unsubscribe_path(demo.ALICE, MARKETING_EMAIL.key))
        into.paths.append(f"/s/{into.link}")

    return fill


def _file(folder: Path, now: datetime) -> None:
    """A file that goes with a workshop."""
    with transaction() as session:
        workshop = session.scalars(select(Workshop).where(Workshop.slug == "premortem")).one()
        stina, content = factories.account(demo.STINA), documents.pdf()
        attachments.add(
            session, folder, workshop.id, stina.id, "Stöd.pdf", "pdf", content, "sv", now
        )


def _things(now: datetime) -> None:
    """Something of each kind that the demo lacks, and that routes name by its id."""
    stina = factories.account(demo.STINA)
    for email in CUSTOMERS.values():
        user = factories.account(email)
        reference = Person.of(user.id).reference
        with transaction() as session:
            asked = Request(reference=reference, kind="export", received_at=now, due_on=day_of(now))
            session.add_all([asked, Search(user_id=user.id, query="förtroende", at=now)])
            session.flush()
            export = {"user_id": user.id, "request_id": asked.id, "locale": "sv"}
            change = {"row": user.id, "group": "user", "field": "email", "email": f"ny.{email}"}
            later = now + timedelta(days=1)
            session.add(Export(reference=reference, requested_at=now, expires_at=later, **export))
            session.add(
                AddressChange(
                    reference=reference,
                    token_digest=user.id.bytes * 2,
                    expires_at=later,
                    **change,
                )
            )
    ground, end = "Tvist om ett avtal vid en påhittad domstol.", day_of(now) + timedelta(days=90)
    with transaction() as session:
        office.place_hold(session, stina, SUBJECT, TEAM_SURVEYS, ground, end, now)
        office.look_at(session, stina, Person.of(stina.id, SUBJECT), "sv", "Fråga i telefon", now)
        for kind in ("access", "object"):
            desk.enter(
                session,
                stina,
                kind,
                now,
                address=SUBJECT,
                name="Zara",
                details="Ringde och bad om det.",
                activity=TEAM_SURVEYS if kind == "object" else None,
                channel="phone",
                received_on=day_of(now),
                locale="sv",
            )


def _of_the_organisation(now: datetime) -> None:
    """What a leader builds and writes, colleagues-to-be, and an agreement to accept anew."""
    closed = select(Survey).where(Survey.closed_at.is_not(None))
    bob, alice = (actor_of(factories.account(email)) for email in (demo.BOB, demo.ALICE))
    charlie = actor_of(factories.customer("Charlie Chen", CHARLIE))
    with transaction() as session:
        for accepted in session.scalars(select(AgreementAcceptance)):
            accepted.version = 1
        building.copy(session, bob, latest("tillit-i-team"), now)
        survey = session.scalars(closed.order_by(Survey.closed_at.desc())).all()[0]
        following_up.agree(session, bob, survey, "Vi frågar först.", day_of(now), now)
        following_up.write_note(session, bob, survey, "Det blev bättre.", now)
    for inviting, email in ((alice, SUBJECT), (charlie, CUSTOMERS["member"])):
        with transaction() as session:
            invitations.invite(session, inviting, email=email, role="admin", locale="sv", now=now)


def _answers() -> tuple[str, str]:
    """The link of one who hasn't answered, and the receipt code of one who has."""
    running = select(Survey).where(Survey.closed_at.is_(None))
    survey = db.session.scalars(running).one()
    assert survey.link_key is not None
    invited = db.session.scalars(select(Invitation).where(Invitation.survey_id == survey.id))
    tokens = {i.email: anonymity.token_of(survey.link_key, i.id) for i in invited}
    code = anonymity.new_receipt_code()
    items = latest(survey.instrument).items
    answers: dict[str, Answer] = {i.key: 4 for i in items if i.kind != "text"}
    surveys.submit(survey.id, tokens[ANSWERED], code, answers)
    return tokens[RESPONDENT], code


def visitors(site: Site, secrets: Secrets) -> Iterator[tuple[str, Callable[[], Visitor]]]:
    """Each role with the way in, all of it over HTTP; a stranger's comes first."""
    yield "stranger", partial(_stranger, site, secrets)
    yield "respondent", partial(_respondent, site, secrets)
    yield "subject", partial(_subject, site)
    for role, email in CUSTOMERS.items():
        yield role, partial(sign_in, site, role, email)
    for role, email in STAFF.items():
        yield f"staff {role}", partial(sign_in, site, f"staff {role}", email, secrets.seeds[email])


def _stranger(site: Site, secrets: Secrets) -> Visitor:
    """Somebody without cookies, who nevertheless opens what was mailed to others."""
    visitor = Visitor(site.host, "stranger")
    mia, began = CUSTOMERS["member"], time.time()
    visitor.submit("/auth/forgot", email=mia)
    visitor.submit("/privacy/find", email=SUBJECT)
    new = {"email": "ny@exempel.test", "name": "Nova Ny", "number": "556036-0793"}
    visitor.submit(
        "/auth/register", organisation="Nova AB", password=factories.PASSWORD, agreement="y", **new
    )
    for to, prefix, since in (
        (mia, "/auth/reset/", began),
        (SUBJECT, "/privacy/enter/", began),
        (new["email"], "/auth/confirm/", began),
        (SUBJECT, "/invitation/", 0),
    ):
        visitor.known.append(_mailed(site, to, prefix, since))
    visitor.known += secrets.paths
    return visitor


def password_of(email: str) -> str:
    """The demo's people have the demo's password."""
    return demo.PASSWORD if email in {demo.ALICE, demo.BOB, demo.STINA} else factories.PASSWORD


def sign_in(site: Site, name: str, email: str, seed: str | None = None) -> Visitor:
    """Sign in through the forms, with the second factor where one is asked for."""
    visitor = Visitor(site.host, name)
    visitor.submit("/auth/login", email=email, password=password_of(email))
    if seed:
        visitor.submit("/auth/second-factor", code=pyotp.TOTP(seed).now())
    home = visitor.follow(visitor.get("/admin/" if seed else "/home"))
    if home.path.startswith("/auth/"):
        raise RuntimeError(f"{name} couldn't sign in: {home.path} answered {home.status}")
    visitor.get("/auth/verify")
    return visitor


def _respondent(site: Site, secrets: Secrets) -> Visitor:
    """Somebody with the link of a survey, and the receipt code of earlier answers."""
    visitor = Visitor(site.host, "respondent")
    intro = visitor.follow(visitor.get(f"/s/{secrets.link}"))
    visitor.submit(f"{intro.path}/1")
    opened = visitor.follow(visitor.submit("/s/receipt", code=secrets.code))
    if opened.status != 200:
        raise RuntimeError(f"the receipt code opened nothing: {opened.path} {opened.status}")
    return visitor


def _subject(site: Site) -> Visitor:
    """Somebody without an account, by the link that the worker mails them."""
    visitor = Visitor(site.host, "subject")
    began = time.time()
    visitor.submit("/privacy/find", email=SUBJECT)
    link = _mailed(site, SUBJECT, "/privacy/enter/", began)
    opened = visitor.follow(visitor.submit(link))
    if opened.status != 200 or not opened.path.startswith("/privacy"):
        raise RuntimeError(f"the link opened nothing: {opened.path} {opened.status}")
    visitor.get("/privacy/find")
    return visitor


def _mailed(site: Site, to: str, prefix: str, since: float) -> str:
    """The path of the link in a mail to an address that comes after ``since``."""
    for _ in range(300):
        for path in (site.folder / "mail").glob("*.eml"):
            if path.stat().st_mtime < since:
                continue
            mail: EmailMessage = message_from_bytes(path.read_bytes(), policy=default)
            body = mail.get_body(("plain",))
            found = body and re.search(
                rf"https?://[^/\s]+({re.escape(prefix)}\S+)", body.get_content()
            )
            if mail["To"] == to and found:
                return found[1]
        time.sleep(0.2)
    raise LookupError(f"no mail to {to} with a link to {prefix}")
