"""Everybody at once: Alice's organisation, Charlie's, the whole staff, and Alice's things by id.

One application for many tests; what a request changed is taken back from a copy of the database.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.ctx import AppContext
from sqlalchemy import delete, select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.checklist.expectations import CUSTOMER, STAFF
from tests.conftest import Browser, environment
from tests.factories import account, colleague, customer, sign_in, staff
from tests.routes import ALICE, CHARLIE, address, alices, dump
from trustivide import create_app
from trustivide.admin import actions as office
from trustivide.auth import sign_ins
from trustivide.auth.models import KnownDevice, Passkey, SignIn, User
from trustivide.core import clock
from trustivide.core.activities import BY_KEY, MARKETING_EMAIL
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.organisations.queries import owned_by
from trustivide.outbox import worker
from trustivide.outbox.actions import install_wake
from trustivide.privacy import actions as privacy
from trustivide.privacy import export, handback
from trustivide.rights import actions as rights
from trustivide.rights import legal_texts
from trustivide.rights.ledger import ledger
from trustivide.web.limits import limiter
from trustivide.workshops import attachments

SECOND_FACTOR = (*STAFF, "demoted", "owner")


@dataclass
class World:
    """The application, the cookies that each role's browser holds, and Alice's ids."""

    app: Flask
    context: AppContext
    ids: dict[str, str]
    looks: dict[str, str]
    sessions: dict[str, str] = field(default_factory=dict)

    def values(self, role: str, endpoint: str) -> dict[str, str]:
        """What to put into an address so that it names a thing of Alice's, or the role's own."""
        own = {
            "privacy.correct": {"name": "user", "row": self.ids["user_id"], "field": "name"},
            "privacy.request_correction": {
                "name": "user",
                "row": self.ids["user_id"],
                "field": "created_on",
            },
            "privacy.delete_entry": {"name": "search", "row": self.ids["search_id"]},
            "privacy.consent": {"activity": "marketing_email"},
            "privacy.consent_record": {"record": self.ids["consent"]},
            "organisations.role": {"user_id": self.ids["member"]},
            "organisations.removal": {"user_id": self.ids["member"]},
            "admin.change_role": {"user_id": self.ids["colleague"]},
            "admin.remove_colleague": {"user_id": self.ids["colleague"]},
            "admin.look": {"look_id": self.looks.get(role, self.looks["support"])},
        }
        return self.ids | own.get(endpoint, {})

    def path(self, rule: Rule, role: str) -> str:
        """The route's address with Alice's things in it."""
        return address(rule, self.values(role, rule.endpoint))

    def open(self, role: str, path: str, method: str = "GET", **more: Any) -> TestResponse:
        """One request with the cookies that the role's browser had at the beginning."""
        client: Browser = self.app.test_client(use_cookies=False)  # type: ignore[assignment]
        headers = dict(more.pop("headers", {}))
        if role in self.sessions:
            headers["Cookie"] = f"session={self.sessions[role]}"
        return client.open(  # type: ignore[no-any-return]
            path, method=method, headers=headers, buffered=True, **more
        )

    def state(self) -> list[tuple[object, ...]]:
        """Everything stored: rows, ledger, files. A note that somebody was refused is no change."""
        instance = self.app.config["SETTINGS"].instance
        kept = [
            ("file", str(p), p.stat().st_size)
            for folder in ("mail", "exports", "attachments")
            for p in (instance / folder).glob("*")
        ]
        told = [("ledger", entry.number) for entry in ledger().entries()]
        rows = [r for r in dump() if r[0] != "audit_head" and "access_denied" not in r]
        return rows + sorted(kept) + told

    def remember(self) -> None:
        """What :meth:`restored` goes back to."""
        self._forget_connections()
        shutil.copy(self._file, self._file.with_suffix(".copy"))
        self._copy_files(self._attachments, self._attachments.with_suffix(".copy"))

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Take back what happens inside, so that requests don't build on one another."""
        try:
            yield
        finally:
            self._forget_connections()
            shutil.copy(self._file.with_suffix(".copy"), self._file)
            self._copy_files(self._attachments.with_suffix(".copy"), self._attachments)

    @staticmethod
    def _copy_files(folder: Path, to: Path) -> None:
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(folder, to)

    @property
    def _attachments(self) -> Path:
        return attachments.folder_in(self.app.config["SETTINGS"].instance)

    @property
    def _file(self) -> Path:
        return Path(str(db.engine.url.database))

    def _forget_connections(self) -> None:
        db.session.remove()
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.engine.dispose()
        for suffix in ("-wal", "-shm"):
            self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)


def build(folder: Path, template: Path) -> World:
    """The application with everybody in it. Call it, and use it, inside its context."""
    shutil.copy(template, folder / "trustivide.db")
    app = create_app(environment(folder))
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    app.test_client_class = Browser
    limiter.enabled = False
    install_wake(lambda: None)
    context = app.app_context()
    context.push()
    ids = alices(app)
    alice = account(ALICE)
    charlie = customer("Charlie Carlsson", CHARLIE, organisation="Annan AB")
    people = {"owner": alice, "charlie": charlie}
    for role in CUSTOMER[:-1]:
        people[role] = colleague(alice, role, f"{role.title()} Berg", f"{role}@exempel.test")
    for role in STAFF:
        name = role.removeprefix("staff-")
        people[role] = staff(f"{role.title()} Ström", f"{role}@trustivide.test", name)
    people["halfway"] = colleague(alice, "owner", "Hanna Berg", "halfway@exempel.test")
    for role in ("unproven", "demoted"):
        people[role] = staff(f"{role.title()} Ström", f"{role}@trustivide.test")
    ids |= {"member": str(people["member"].id), "colleague": str(people["finance"].id)}
    ids |= _things_of(alice, people) | _ways_in(alice)
    worker.work(app)
    looks = {role: _look(people[role], alice) for role in STAFF}
    world = World(app, context, ids, looks)
    for role, user in people.items():
        world.sessions[role] = _session_of(world, role, user)
    with transaction() as session:
        session.get_one(User, people["demoted"].id).staff_role = None
        session.get_one(User, people["halfway"].id).totp_secret = "A" * 32
    world.remember()
    return world


def _things_of(alice: User, people: dict[str, User]) -> dict[str, str]:
    """What :func:`alices` leaves out: files that are ready, a case, a hold, a consent."""
    now, person = clock.now(), Person.of(alice.id, alice.email)
    stina = people["privacy"]
    with transaction() as session:
        organisation = next(iter(owned_by(session, alice.id)))
        common = {"address": alice.email, "locale": "sv", "now": now}
        # The story's own export is of another kind: one that nobody makes.
        session.execute(delete(export.Export))
        made = export.request(session, person, **common)
        handback.request(session, person, organisation, **common)
        asked = privacy.ask(
            session,
            person,
            "other",
            now,
            address=alice.email,
            name=alice.name,
            locale="sv",
            details="Vilka har fått min adress?",
            channel="letter",
            identity="unchecked",
        )
        hold = office.place_hold(
            session,
            stina,
            CHARLIE,
            BY_KEY["search_history"],
            "Tvist om en faktura i mål T 12-26 vid Påhittade tingsrätten",
            clock.day_of(now) + timedelta(days=90),
            now,
        )
        consent = rights.choose(
            session,
            person,
            MARKETING_EMAIL,
            "given",
            legal_texts.current("marketing", "sv"),
            now,
            collected_by="privacy_centre",
        )
        return {
            "export_id": str(made.id),
            "request_id": str(asked.id),
            "hold_id": str(hold.id),
            "consent": str(consent.id),
        }


def _ways_in(alice: User) -> dict[str, str]:
    """What her page of security names; the sign-in is one on another device."""
    now = clock.now()
    with transaction() as session:
        passkey = Passkey(
            user_id=alice.id,
            credential_id=b"credential of Alice's",
            public_key=b"key",
            name="Telefonen",
            created_on=clock.day_of(now),
        )
        device = KnownDevice(
            user_id=alice.id,
            token_digest=b"device".ljust(32),
            device="Firefox",
            last_seen_on=clock.day_of(now),
        )
        session.add_all([passkey, device])
        sign_ins.begin(session, alice, now, second_factor=True)
        elsewhere = session.scalars(select(SignIn.id).where(SignIn.user_id == alice.id)).first()
        return {
            "passkey_id": str(passkey.id),
            "device_id": str(device.id),
            "sign_in_id": str(elsewhere),
        }


def _look(colleague: User, alice: User) -> str:
    with transaction() as session:
        person = Person.of(alice.id, alice.email)
        look = office.look_at(session, colleague, person, "sv", "Alice ringde.", clock.now())
        return str(look.id)


def _session_of(world: World, role: str, user: User) -> str:
    """The cookie of somebody who has just signed in, staff with both factors."""
    client = world.app.test_client()
    sign_in(client, user.email)
    if role in SECOND_FACTOR:
        with transaction() as session:
            token = sign_ins.begin(session, user, clock.now(), second_factor=True)
        with client.session_transaction() as held:
            held["_user_id"] = token
    found = client.get_cookie("session")
    assert found is not None
    return str(found.value)
