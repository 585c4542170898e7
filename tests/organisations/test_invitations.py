"""Inviting a colleague: the mail says who entered the address, and the answer is the person's."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.conftest import both_databases
from tests.factories import (
    account,
    colleague,
    customer,
    delivered,
    link_in,
    sign_in,
    staff,
    without_secrets,
)
from tests.organisations.stories import (
    ALICE,
    BOB,
    CHARLIE,
    EVA,
    JOINING,
    invitation_id,
    invited,
    mailed,
    offer,
    organisation_id,
    queued,
    roles,
    sealed,
    there,
    words,
)
from tests.privacy.stories import visit
from tests.routes import dump
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.activities import COLLEAGUE_INVITATIONS
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.core.subjects import Person
from trustivide.organisations import invitations, joining, queries
from trustivide.outbox import worker
from trustivide.privacy import retention
from trustivide.rights.models import NoticeRecord
from trustivide.rights.queries import may_use
from trustivide.web.limits import limiter

Browsers = Callable[[], FlaskClient]


@pytest.fixture
def alice(app: Flask, client: FlaskClient) -> FlaskClient:
    """Alice owns the organisation, and is signed in."""
    customer()
    return sign_in(client)


@pytest.fixture
def limits() -> Iterator[None]:
    """Limits count, as they do outside tests."""
    limiter.enabled = True
    limiter.reset()
    yield
    limiter.enabled = False


def invite(client: FlaskClient, email: str = EVA, role: str = "member") -> str:
    """Invite through the form; the last words in the status region."""
    answer = client.post(
        there("invitations"), data={"email": email, "role": role}, follow_redirects=True
    )
    assert answer.status_code == 200, answer.text
    said = re.findall(r'class="notice notice-good">.*?<p>(.*?)</p>', answer.text, re.DOTALL)
    return str(said[-1])


@both_databases
def test_eva_is_invited_makes_her_account_and_is_in(
    app: Flask, alice: FlaskClient, browser_of: Browsers
) -> None:
    assert invite(alice, " Eva@Exempel.test ", "leader") == f"Inbjudan till {EVA} är skickad."
    page = alice.get(there()).text
    for shown in (EVA, "Teamledare", "Alice Alm", "Gäller till"):
        assert shown in page
    mail = mailed(app, "Gå med i Exempel AB")
    assert mail["To"] == EVA
    for told in (  # GDPR Art. 14(1) and (2)
        "fått av Alice Alm på Exempel AB",
        "berättigade intresse",
        "bara för den här inbjudan",
        "30 dagar efter att den gått ut",
        "/privacy/find",
        "imy.se",
        "Trustivide ansvarar",
    ):
        assert told in words(mail)
    eva, path = browser_of(), link_in(mail, "/invitation/")
    before = dump()
    for _ in range(3):  # a scanner of links
        assert eva.get(path).status_code == eva.head(path).status_code == 200
    assert dump() == before
    page = eva.get(path).text
    assert "skicka enkäter och se resultaten" in page
    assert "htmx" not in page
    for password, why in (("för kort", "mellan 12 och 128"), ("exempel ab 12", "lätt att gissa")):
        refused = eva.post(path, data={"name": "Eva <i>", "password": password})
        assert refused.status_code == 422
        assert why in refused.text
        assert 'value="Eva &lt;i&gt;"' in refused.text
    forged = {"email": "mallory@exempel.test", "organisation": "Annan AB", "role": "owner"}
    assert eva.post(path, data=JOINING | forged).location == "/home"
    assert eva.get("/teams/").status_code == 200
    assert roles() == {ALICE: "owner", EVA: "leader"}
    assert invited() == []
    made = account(EVA)
    assert (made.name, made.confirmed_at is not None) == ("Eva Ek", True)
    notices = db.session.scalars(
        select(NoticeRecord.notice).where(NoticeRecord.reference == Person.of(made.id).reference)
    )
    assert set(notices) == {"privacy-notice", "privacy-policy"}
    assert sealed("colleague_invited", "colleague_joined") == [
        ("colleague_invited", ALICE, None, "leader"),
        ("colleague_joined", EVA, EVA, "leader"),
    ]
    assert browser_of().get(path).status_code == 404
    assert browser_of().post(path, data=JOINING).status_code == 404


@both_databases
def test_who_has_an_account_signs_in_and_then_belongs_to_two(
    app: Flask, alice: FlaskClient, browser_of: Browsers
) -> None:
    customer("Charlie Carlsson", CHARLIE, organisation="Annan AB", number="556036-0793")
    invite(alice, CHARLIE)
    path, charlie = offer(app), browser_of()
    before = dump()
    # The link alone opens nothing, whatever comes with it.
    assert charlie.post(path, data=JOINING | {"password": "mitt eget ord här"}).status_code == 200
    assert dump() == before
    onward = f"/invitations/{invitation_id(CHARLIE)}"
    assert f"/auth/login?next={onward}" in charlie.get(path).text
    bob = colleague(account(ALICE), "leader")
    other = sign_in(browser_of(), bob.email)
    assert "gäller en annan adress" in other.get(path).text
    assert "Skapa konto" not in other.post(path, data=JOINING).text
    assert other.get(onward).status_code == other.post(onward).status_code == 404
    sign_in(charlie, CHARLIE)
    assert "Byt till" not in charlie.get("/teams/").text
    assert charlie.get(path).location == onward
    assert "Gå med" in charlie.get(onward).text
    assert charlie.post(onward).location == "/home"
    assert roles() == {ALICE: "owner", BOB: "leader", CHARLIE: "member"}
    assert roles("Annan AB") == {CHARLIE: "owner"}

    # In Exempel AB he is a member, at home an owner; he chooses where he works.
    assert charlie.get("/home").location == "/workshops/"
    assert charlie.get("/teams/").status_code == 404
    page = charlie.get("/workshops/").text
    assert "Byt till Annan AB" in page
    assert "Byt till Exempel AB" not in page
    for forged in ("", "nonsense", str(organisation_id()).upper()):
        answer = charlie.post("/organisation/choice", data={"organisation": forged})
        assert answer.status_code == 404
    home = {"organisation": str(organisation_id("Annan AB"))}
    assert charlie.post("/organisation/choice", data=home).location == "/home"
    assert charlie.get("/home").location == "/teams/"
    assert other.post("/organisation/choice", data=home).status_code == 404
    # A page that names an organisation is that one's, whichever he works in.
    assert charlie.get(there()).status_code == 404
    assert charlie.get(there(name="Annan AB")).status_code == 200

    # What the cookie says counts for nothing once he is out.
    away = {"organisation": str(organisation_id())}
    charlie.post("/organisation/choice", data=away)
    alice.post(there(f"people/{account(CHARLIE).id}/removal"))
    assert charlie.get("/home").location == "/teams/"
    assert "Byt till" not in charlie.get("/teams/").text


def test_whoever_invites_does_not_learn_who_has_an_account(
    app: Flask, alice: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer("Charlie Carlsson", CHARLIE, organisation="Annan AB", number="556036-0793")
    asked: list[str] = []
    real = invitations.accounts.by_address
    monkeypatch.setattr(
        invitations.accounts, "by_address", lambda s, a: asked.append(a) or real(s, a)
    )
    seen = []
    for email in (CHARLIE, "new@annan.test"):
        answer = alice.post(there("invitations"), data={"email": email, "role": "member"})
        page = alice.get(answer.location).text
        back = there(f"invitations/{invitation_id(email)}/withdrawal")
        alice.post(back, follow_redirects=True)
        rest = re.sub(r"[0-9a-f-]{36}", "", without_secrets(page).replace(email, ""))
        seen.append((answer.status_code, answer.location, answer.data, rest))
    assert seen[0] == seen[1]
    assert asked == []  # nobody looks before the link is opened
    assert queued("colleague_invitation") == 2


def test_saying_no_removes_it_and_says_nothing_else(
    app: Flask, alice: FlaskClient, browser_of: Browsers
) -> None:
    customer("Charlie Carlsson", CHARLIE, organisation="Annan AB", number="556036-0793")
    invite(alice)
    path = offer(app)
    assert browser_of().get(f"{path}/refusal").status_code == 405
    for _ in range(2):
        answer = browser_of().post(f"{path}/refusal")
        assert answer.status_code == 200
        assert "Inbjudan är raderad" in answer.text
    assert invited() == []
    assert browser_of().get(path).status_code == 404
    invite(alice, CHARLIE)
    mine = f"/invitations/{invitation_id(CHARLIE)}/refusal"
    assert alice.post(mine).status_code == 404
    assert sign_in(browser_of(), CHARLIE).post(mine).status_code == 200
    assert invited() == []


def test_no_to_every_invitation_by_the_mails_own_header(app: Flask, alice: FlaskClient) -> None:
    invite(alice)
    mail = mailed(app, "Gå med i Exempel AB")
    path = re.fullmatch(r"<https?://[^/]+(/privacy/unsubscribe/[^>]+)>", mail["List-Unsubscribe"])
    assert path
    before = len(delivered(app))
    alice.post(path[1], data={"List-Unsubscribe": "One-Click"})
    db.session.rollback()
    assert not may_use(db.session(), Person.of(None, EVA), COLLEAGUE_INVITATIONS)
    alice.post(there(f"invitations/{invitation_id()}/withdrawal"))
    # Alice is told the same as ever, and no mail goes.
    assert invite(alice) == f"Inbjudan till {EVA} är skickad."
    assert len(delivered(app)) == before


def test_without_account_the_invited_see_and_delete_it_in_the_privacy_centre(
    app: Flask, alice: FlaskClient, browser_of: Browsers
) -> None:
    invite(alice, role="leader")
    eva = visit(app, browser_of(), EVA)
    page = eva.get("/privacy/").text
    for shown in ("Inbjudan till en organisation", "Exempel AB, Alice Alm", "Teamledare"):
        assert shown in page
    assert "/privacy/balancing/colleague_invitations" in eva.get("/privacy/choices").text
    deletion = f"/privacy/data/colleague_invitation/{invitation_id()}/deletion"
    assert eva.post(deletion).status_code == 303
    assert invited() == []
    assert EVA not in alice.get(there()).text
    invite(alice)
    assert eva.post("/privacy/erasure", data={"understood": "y"}).status_code == 303
    worker.tick(app)
    assert invited() == []


def test_sent_again_withdrawn_expired(app: Flask, alice: FlaskClient, browser_of: Browsers) -> None:
    invite(alice)
    first = offer(app)
    again, back = (
        there(f"invitations/{invitation_id()}/{what}") for what in ("mail", "withdrawal")
    )
    week = timedelta(days=7, minutes=1)
    with time_machine.travel(clock.now() + week):
        assert browser_of().get(first).status_code == 404
        assert browser_of().post(first, data=JOINING).status_code == 404
        late = sign_in(browser_of())
        assert "gäller inte längre" in late.get(there()).text
        assert late.post(again).status_code == 303
        second = offer(app)
        assert browser_of().get(first).status_code == 404
        assert browser_of().get(second).status_code == 200
        assert "gäller inte längre" not in late.get(there()).text
        # Another role is another offer, and takes the place of the one before.
        assert invite(late, role="admin") == f"Inbjudan till {EVA} är skickad."
        assert invited() == [(EVA, "admin")]
        third = offer(app)
        assert late.post(back).status_code == 303
        assert browser_of().get(third).status_code == 404
        assert late.post(back).status_code == late.post(again).status_code == 404
        # One that was withdrawn before the mail went is not mailed.
        invite(late)
        late.post(there(f"invitations/{invitation_id()}/withdrawal"))
        before = len(delivered(app))
        assert len(delivered(app)) == before
        invite(late)
    with time_machine.travel(clock.now() + week * 2 + timedelta(days=31)):
        retention.sweep(clock.now())
    assert invited() == []


def test_whoever_is_out_leaves_no_way_back_in(
    app: Flask, alice: FlaskClient, browser_of: Browsers
) -> None:
    bob = colleague(account(ALICE), "admin")
    invite(sign_in(browser_of(), BOB), "bobs.egen@exempel.test", "admin")
    path = offer(app)
    # Lowered under what he offered, or removed: then it holds no longer.
    alice.post(there(f"people/{bob.id}"), data={"role": "leader"})
    assert browser_of().get(path).status_code == 404
    assert browser_of().post(path, data=JOINING).status_code == 404
    assert "gäller inte längre" in alice.get(there()).text
    # An owner who sends it again makes it her own.
    assert (
        alice.post(there(f"invitations/{invitation_id('bobs.egen@exempel.test')}/mail")).status_code
        == 303
    )
    assert browser_of().get(offer(app)).status_code == 200


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"email": ALICE.upper()}, "hör redan till någon i organisationen"),
        ({"email": BOB}, "hör redan till någon i organisationen"),
        ({"email": "eva@"}, "Skriv en e-postadress"),
        ({"email": ""}, "Skriv en e-postadress"),
        ({"email": "eva@exempel.test\r\nBcc: x@exempel.test"}, "Skriv en e-postadress"),
        ({"role": "owner"}, "Du kan inte ge den rollen"),
        ({"role": "root"}, "Du kan inte ge den rollen"),
        ({"role": ""}, "Välj en roll"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_sent(
    app: Flask, client: FlaskClient, typed: dict[str, str], why: str
) -> None:
    colleague(customer(), "admin")
    sign_in(client, BOB)
    answer = client.post(there("invitations"), data={"email": EVA, "role": "member"} | typed)
    assert answer.status_code == 422
    assert why in answer.text
    if "role" in typed:
        assert f'value="{EVA}"' in answer.text
    assert invited() == []
    assert queued("colleague_invitation") == 0


def test_no_name_gets_into_the_headers_of_a_mail(app: Flask, client: FlaskClient) -> None:
    customer("Alice\r\nBcc: x@exempel.test", organisation="Exempel AB")
    invite(sign_in(client))
    mail = delivered(app)[-1]
    assert mail["Bcc"] is None
    assert mail["To"] == EVA


@both_databases
def test_a_double_click_invites_once_and_two_answers_join_once(
    app: Flask, alice: FlaskClient, browser_of: Browsers
) -> None:
    assert invite(alice) == f"Inbjudan till {EVA} är skickad."
    assert invite(alice) == f"{EVA} är redan inbjuden."
    alice.post(there(f"invitations/{invitation_id()}/withdrawal"))
    sent, start, organisation = queued("colleague_invitation"), Barrier(2), organisation_id()
    actor = queries.Actor(account(ALICE).id, organisation, "owner")
    db.session.rollback()

    def at_once() -> bool:
        with app.app_context():
            start.wait()
            with transaction() as session:
                return invitations.invite(
                    session, actor, email=EVA, role="leader", locale="sv", now=clock.now()
                )

    with ThreadPoolExecutor(2) as pool:
        assert sorted(f.result() for f in [pool.submit(at_once) for _ in range(2)]) == [False, True]
    assert invited() == [(EVA, "leader")]
    assert queued("colleague_invitation") == sent + 1

    token = offer(app).rsplit("/", 1)[1]

    def join() -> bool:
        with app.app_context():
            start.wait()
            try:
                with transaction() as session:
                    user = joining.accept_anew(
                        session,
                        token,
                        name=JOINING["name"],
                        credential=JOINING["password"],
                        locale="sv",
                        now=clock.now(),
                    )
            except Refused:
                return False
            return user is not None

    with ThreadPoolExecutor(2) as pool:
        assert sorted(f.result() for f in [pool.submit(join) for _ in range(2)]) == [False, True]
    assert roles() == {ALICE: "owner", EVA: "leader"}
    assert db.session.scalar(select(func.count()).select_from(User)) == 2


def test_staff_join_no_customer(app: Flask, alice: FlaskClient, browser_of: Browsers) -> None:
    staff()
    invite(alice, "stina@trustivide.test", "admin")
    stina = sign_in(browser_of(), "stina@trustivide.test")
    path = stina.get(offer(app)).location
    for answer in (stina.get(path), stina.post(path)):
        assert "hör till Trustivides personal" in answer.text
    assert roles() == {ALICE: "owner"}


def test_the_form_is_no_way_to_mail_the_world(
    alice: FlaskClient, limits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = {"email": EVA, "role": "member"}
    answers = [alice.post(there("invitations"), data=again).status_code for _ in range(7)]
    assert answers == [303] * 6 + [429]
    path = there(f"invitations/{invitation_id()}/mail")
    assert [alice.post(path).status_code for _ in range(7)] == [303] * 6 + [429]
    limiter.enabled = False
    monkeypatch.setattr(invitations, "MOST", 1)
    answer = alice.post(there("invitations"), data=again | {"email": "fia@exempel.test"})
    assert answer.status_code == 422
    assert "väntar redan många" in answer.text


def test_in_english_where_the_inviter_reads_english(app: Flask, client: FlaskClient) -> None:
    customer(locale="en")
    sign_in(client).post(there("invitations"), data={"email": EVA, "role": "leader"})
    rich = delivered(app)[-1].get_body(("html",))
    assert rich is not None
    assert '<html lang="en">' in rich.get_content()
    assert "Team leader" in rich.get_content()
