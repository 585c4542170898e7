"""What comes back: delivery reports as Postfix, Exchange and Gmail write them, and forgeries."""

from email.utils import make_msgid
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from trustivide.core import clock
from trustivide.core.activities import SECURITY, TEAM_SURVEYS, Activity
from trustivide.core.db import db, transaction
from trustivide.outbox import bounces
from trustivide.outbox.actions import send_mail
from trustivide.outbox.models import Mail

POSTFIX = """\
Return-Path: <>
From: MAILER-DAEMON@mx.exempel.test (Mail Delivery System)
To: no-reply@trustivide.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4dXk2W.1764123456/mx.exempel.test"

This is a MIME-encapsulated message.

--4dXk2W.1764123456/mx.exempel.test
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

<dora1@exempel.test>: host mail.exempel.test[192.0.2.7] said: 550 5.1.1 no such user

--4dXk2W.1764123456/mx.exempel.test
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.exempel.test
X-Postfix-Queue-ID: 4dXk2W
Arrival-Date: Thu, 26 Nov 2026 08:00:00 +0100 (CET)

Final-Recipient: rfc822; dora1@exempel.test
Original-Recipient: rfc822;dora1@exempel.test
Action: {action}
Status: {status}
Remote-MTA: dns; mail.exempel.test
Diagnostic-Code: smtp; 550 5.1.1 no such user

--4dXk2W.1764123456/mx.exempel.test
Content-Description: Undelivered Message
Content-Type: message/rfc822

From: Trustivide <no-reply@trustivide.example>
To: dora1@exempel.test
Subject: =?utf-8?q?Enk=C3=A4t?=
Message-ID: {message_id}

Hej.

--4dXk2W.1764123456/mx.exempel.test--
"""
EXCHANGE = """\
From: postmaster@exempel.test
To: no-reply@trustivide.example
Content-Type: multipart/report; report-type=delivery-status;
 boundary="_000_1a2b"
Message-ID: <9f1c@exempel.test>
Subject: Undeliverable: a survey
MIME-Version: 1.0

--_000_1a2b
Content-Type: multipart/alternative; differences=Content-Type;
 boundary="_001_1a2b"

--_001_1a2b
Content-Type: text/plain; charset="us-ascii"

Delivery has failed to these recipients or groups.

--_001_1a2b--

--_000_1a2b
Content-Type: message/delivery-status

Reporting-MTA: dns;AM0PR01.exempel.test
Received-From-MTA: dns;mx.trustivide.example

Final-Recipient: rfc822;dora1@exempel.test
Action: Failed
Status: {status} (mailbox full)
Diagnostic-Code: smtp;554 5.2.2 mailbox full
X-Display-Name: dora1@exempel.test

--_000_1a2b
Content-Type: text/rfc822-headers

From: Trustivide <no-reply@trustivide.example>
MIME-Version: 1.0
Message-ID:
 {message_id}

--_000_1a2b--
"""
GMAIL = """\
Delivered-To: no-reply@trustivide.example
Content-Type: multipart/report; boundary="000000000000aa"; report-type=delivery-status
From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
In-Reply-To: {message_id}
References: {message_id}
X-Failed-Recipients: dora1@exempel.test
Auto-Submitted: auto-replied

--000000000000aa
Content-Type: multipart/related; boundary="000000000000ab"

--000000000000ab
Content-Type: text/html; charset="UTF-8"

<html><b>Address not found</b></html>
--000000000000ab--
--000000000000aa
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com
Arrival-Date: Thu, 26 Nov 2026 00:00:00 -0800 (PST)
X-Original-Message-ID: {message_id}

Final-Recipient: rfc822; dora1@exempel.test
Action: failed
Diagnostic-Code: smtp; The domain could not be found
Last-Attempt-Date: Thu, 26 Nov 2026 00:00:01 -0800 (PST)

--000000000000aa
Content-Type: message/rfc822

To: dora1@exempel.test
Message-ID: {message_id}
Content-Type: multipart/alternative; boundary="=="

--==
Content-Type: text/plain; charset="utf-8"

Hej
--==--

--000000000000aa--
"""
INTERNATIONAL = """\
From: MAILER-DAEMON@exempel.test
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Det gick inte.
--b
Content-Type: message/global-delivery-status
Content-Transfer-Encoding: 8bit

Reporting-MTA: dns; exempel.test

Final-Recipient: utf-8; åsa@exempel.test
Action: failed
Status: {status}

--b
Content-Type: message/global-headers

Message-ID: {message_id}

--b--
"""


def mail(
    state: str = "sent", kind: str = "account_exists", purpose: Activity = SECURITY
) -> tuple[UUID, str]:
    """A mail of ours in this state, and the Message-ID that it went out with."""
    with transaction() as session:
        row = send_mail(
            session, kind, "dora1@exempel.test", {}, purpose=purpose, locale="sv", now=clock.now()
        )
        row.state = state
    return row.id, make_msgid(str(row.id), domain="trustivide")


def report(style: str, message_id: str, status: str = "5.1.1", action: str = "failed") -> bytes:
    return style.format(message_id=message_id, status=status, action=action).encode()


def take_in(content: bytes | None) -> str:
    with transaction() as session:
        return bounces.take_in(session, content)


def seen(mail_id: UUID) -> tuple[str, str | None]:
    db.session.rollback()
    row = db.session.get_one(Mail, mail_id)
    return row.state, row.bounce_status


@pytest.mark.parametrize(
    ("style", "given", "noted"),
    [
        (POSTFIX, "5.1.1", "5.1.1"),
        (EXCHANGE, "5.2.2", "5.2.2"),
        (GMAIL, "", "5.0.0"),
        (INTERNATIONAL, "5.6.7", "5.6.7"),
        (POSTFIX, "4.4.7", "4.4.7"),
        (POSTFIX, "550 <script>", "5.0.0"),
    ],
)
def test_whoever_writes_the_report_it_is_understood(
    app: Flask, style: str, given: str, noted: str
) -> None:
    mail_id, message_id = mail()
    other, _ = mail()
    content = report(style, message_id, given)
    for text in (content, content.replace(b"\n", b"\r\n")):
        take_in(text)
        assert seen(mail_id) == ("bounced", noted)
    assert take_in(content) == "known"
    assert seen(other) == ("sent", None)
    assert db.session.get_one(Mail, mail_id).recipient is None


def test_a_delay_is_a_note_and_a_delivery_says_nothing(app: Flask) -> None:
    mail_id, message_id = mail()
    assert take_in(report(POSTFIX, message_id, "4.4.1", "delayed")) == "delayed"
    assert take_in(report(POSTFIX, message_id, "4.4.1", "delayed")) == "known"
    assert seen(mail_id) == ("sent", "4.4.1")
    assert take_in(report(POSTFIX, message_id, "2.0.0", "delivered")) == "no_report"
    assert take_in(report(POSTFIX, message_id, "2.1.5", "relayed")) == "no_report"
    assert seen(mail_id) == ("sent", "4.4.1")
    # A list behind the address: one place failed, another didn't.
    one, two = "Status: 5.1.1\n", "Status: 5.1.1\n\nFinal-Recipient: rfc822; x@y.test\nAction: {}\n"
    content = report(POSTFIX, message_id).decode()
    assert take_in(content.replace(one, two.format("expanded")).encode()) == "no_report"
    assert take_in(content.replace(one, two.format("failed")).encode()) == "bounced"


def test_what_is_forged_foreign_or_broken_changes_nothing(app: Flask) -> None:
    mail_id, message_id = mail()
    queued, of_queued = mail("queued")
    reminder, of_reminder = mail("sending", "survey_reminder", TEAM_SURVEYS)
    good = report(POSTFIX, message_id)
    unknown = [
        report(POSTFIX, make_msgid(str(uuid4()), domain="trustivide")),  # a guess
        report(POSTFIX, of_queued),  # not sent yet
        report(POSTFIX, of_reminder),  # leaves no trace
    ]
    assert [take_in(content) for content in unknown] == ["unknown"] * 3
    gone = report(POSTFIX, message_id.replace("@trustivide>", "@annan.test>"))
    unreadable = [
        gone,
        report(POSTFIX, "<not-an-id@trustivide>"),
        good.replace(b"multipart/report", b"multipart/mixed"),
        good.replace(b"report-type=delivery-status", b"report-type=disposition-notification"),
        good.replace(b"message/delivery-status", b"text/plain"),
        good[: good.index(b"Action:")],
        good[: good.index(b"Message-ID:")],
        f"Message-ID: {message_id}\nIn-Reply-To: {message_id}\n\nJag är på semester.".encode(),
        b"",
        b"\x00\xff" * 5000,
        b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\nContent-Type: message/rfc822\n\n"
        b"Content-Type: multipart/mixed; boundary=a\n\n" * 3000,
    ]
    assert [take_in(content) for content in unreadable] == ["no_report"] * len(unreadable)
    assert seen(mail_id) == ("sent", None)
    assert seen(queued) == ("queued", None)
    assert seen(reminder) == ("sending", None)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_no_damage_to_a_report_stops_the_reading(data: st.DataObject) -> None:
    _, message_id = uuid4(), make_msgid(str(uuid4()), domain="trustivide")
    content = report(data.draw(st.sampled_from([POSTFIX, EXCHANGE, GMAIL])), message_id)
    at = data.draw(st.integers(0, len(content)))
    bounces.read_report(content[:at] + data.draw(st.binary(max_size=9)) + content[at + 5 :])


def test_the_command_reads_files_boxes_and_folders(app: Flask, tmp_path: Path) -> None:
    sent = [mail() for _ in range(5)]
    made = [report(POSTFIX, message_id) for _, message_id in sent]
    maildir = tmp_path / "Maildir"
    for name in ("cur", "new", "tmp"):
        (maildir / name).mkdir(parents=True)
    (maildir / "cur" / "1:2,S").write_bytes(made[0])
    (maildir / "new" / "2").write_bytes(made[1])
    (maildir / "tmp" / "3").write_bytes(made[2])
    box = tmp_path / "box"
    line = b"From MAILER-DAEMON Thu Nov 26 08:00:00 2026\n"
    box.write_bytes(line + made[3] + b"\n" + line + b"Subject: hej\n\nhej\n\n" + line + made[0])
    single, huge = tmp_path / "one.eml", tmp_path / "huge.eml"
    single.write_bytes(made[4])
    huge.write_bytes(made[2] + b"x" * bounces.LARGEST)
    given = [box, single, huge, *maildir.rglob("*/*")]
    before = {path: path.read_bytes() for path in given}

    def run() -> str:
        arguments = ["mail", "bounces", *map(str, (maildir, box, single, huge))]
        result = app.test_cli_runner().invoke(args=arguments)
        assert result.exit_code == 0, result.output
        return str(result.output)

    said = run()
    assert "4 bounced" in said
    assert "1 known already" in said
    assert "1 no readable" in said
    assert "1 larger than 2 MB" in said
    assert "7 in all" in said
    assert "@" not in said
    assert [seen(mail_id)[0] for mail_id, _ in sent] == [
        "bounced", "bounced", "sent", "bounced", "bounced",
    ]  # fmt: skip
    assert "5 known already" in run()
    assert {path: path.read_bytes() for path in given} == before
    assert len(db.session.scalars(select(Mail)).all()) == 5
