"""Mail over real SMTP: late servers, refusals, cuts, and a worker that dies in between."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask
from sqlalchemy import select

from tests.conftest import free_port
from trustivide import create_app
from trustivide.core import clock
from trustivide.core.activities import SECURITY, TEAM_SURVEYS
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.outbox import worker
from trustivide.outbox.actions import install_wake, send_mail
from trustivide.outbox.models import Mail
from trustivide.rights.actions import object_to


class Server:
    """Answers as it is told, then accepts."""

    def __init__(self) -> None:
        self.port = 0
        self.answers: list[str] = []
        self.accepted: list[str] = []
        self.lock = threading.Lock()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        with self.lock:
            answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            self.accepted.append(envelope.rcpt_tos[0])
        if answer == "cut":
            self.accepted.append(envelope.rcpt_tos[0])
            server.transport.abort()
            return "250 never heard"
        return answer


@pytest.fixture
def server() -> Iterator[Server]:
    handler = Server()
    handler.port = free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=handler.port)
    controller.start()
    yield handler
    controller.stop()


@pytest.fixture
def mailing(settings: dict[str, str], server: Server) -> Iterator[Flask]:
    app = create_app(settings | {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(server.port)})
    install_wake(lambda: None)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def queue(n: int = 1, purpose=SECURITY) -> None:  # type: ignore[no-untyped-def]
    with transaction() as session:
        for k in range(n):
            send_mail(
                session,
                "account_exists",
                f"dora{k}@exempel.test",
                {"name": "Dora"},
                purpose=purpose,
                locale="sv",
                now=clock.now(),
            )


def states() -> list[str]:
    db.session.rollback()
    return sorted(db.session.scalars(select(Mail.state)))


def test_a_delivered_mail_forgets_whom_it_was_for(mailing: Flask, server: Server) -> None:
    queue()
    worker.work(mailing)
    mail = db.session.scalars(select(Mail)).one()
    assert (mail.state, mail.recipient, mail.params, mail.recipient_digest) == (
        "sent",
        None,
        None,
        None,
    )
    assert server.accepted == ["dora0@exempel.test"]
    worker.work(mailing)
    assert len(server.accepted) == 1


def test_a_server_that_says_later_is_asked_later(mailing: Flask, server: Server) -> None:
    server.answers = ["451 try later"]
    queue()
    worker.work(mailing)
    assert states() == ["deferred"]
    worker.work(mailing)
    assert server.accepted == []
    with time_machine.travel(clock.now() + timedelta(minutes=10)):
        worker.work(mailing)
    assert states() == ["sent"]


def test_a_refusal_is_final_and_visible(mailing: Flask, server: Server) -> None:
    server.answers = ["550 no such user"]
    queue()
    worker.work(mailing)
    mail = db.session.scalars(select(Mail)).one()
    assert (mail.state, mail.smtp_code) == ("failed", 550)


def test_a_cut_after_handing_over_is_ambiguous_and_never_resent(
    mailing: Flask, server: Server
) -> None:
    server.answers = ["cut"]
    queue(2)
    worker.work(mailing)
    assert states() == ["ambiguous", "sent"]
    with time_machine.travel(clock.now() + timedelta(days=1)):
        worker.work(mailing)
    assert sorted(server.accepted) == ["dora0@exempel.test", "dora1@exempel.test"]


def test_no_server_at_all_loses_nothing(settings: dict[str, str]) -> None:
    app = create_app(settings | {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": "1"})
    install_wake(lambda: None)
    with app.app_context():
        queue(3)
        worker.work(app)
        assert states() == ["deferred"] * 3
        db.session.remove()
        db.engine.dispose()


def test_a_worker_that_died_gives_back_what_it_claimed_and_flags_what_it_sent(
    mailing: Flask, server: Server
) -> None:
    queue(2)
    first, second = db.session.scalars(select(Mail.id)).all()
    with transaction() as session:
        past = clock.now() - timedelta(minutes=1)
        for mail_id, state in ((first, "claimed"), (second, "sending")):
            mail = session.get_one(Mail, mail_id)
            mail.state, mail.lease = state, past
    worker.work(mailing)
    assert states() == ["ambiguous", "sent"]
    assert len(server.accepted) == 1


def test_an_objection_stops_a_mail_that_is_already_queued(mailing: Flask, server: Server) -> None:
    queue(purpose=TEAM_SURVEYS)
    with transaction() as session:
        object_to(session, Person.of(None, "dora0@exempel.test"), TEAM_SURVEYS, clock.now())
    worker.work(mailing)
    assert states() == ["withheld"]
    assert server.accepted == []


def test_one_mail_that_cannot_be_rendered_does_not_stop_the_others(
    mailing: Flask, server: Server
) -> None:
    with transaction() as session:
        send_mail(
            session,
            "no_such_kind",
            "x@exempel.test",
            {},
            purpose=SECURITY,
            locale="sv",
            now=clock.now(),
        )
    queue(2)
    worker.work(mailing)
    assert states() == ["deferred", "sent", "sent"]


def test_a_rolled_back_transaction_sends_nothing(mailing: Flask, server: Server) -> None:
    woken: list[bool] = []
    install_wake(lambda: woken.append(True))
    with pytest.raises(ZeroDivisionError), transaction() as session:
        send_mail(
            session,
            "account_exists",
            "x@exempel.test",
            {},
            purpose=SECURITY,
            locale="sv",
            now=clock.now(),
        )
        _ = 1 / 0
    worker.work(mailing)
    assert (states(), server.accepted, woken) == ([], [], [])
    queue()
    assert woken == [True]


def test_checklist_34_names_with_line_breaks_stay_out_of_headers(
    mailing: Flask, server: Server
) -> None:
    with transaction() as session:
        send_mail(
            session,
            "reset_password",
            "dora@exempel.test",
            {"name": "Dora\r\nBcc: alla@exempel.test", "path": "/x"},
            purpose=SECURITY,
            locale="sv",
            now=clock.now(),
        )
    worker.work(mailing)
    assert server.accepted == ["dora@exempel.test"]
