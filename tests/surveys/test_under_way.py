"""A survey under way: what became of the mails, who comes late, who leaves, and who never shows."""

import re
from collections.abc import Callable
from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from tests.conftest import both_databases
from tests.factories import account, colleague, customer, delivered, sign_in, without_secrets
from tests.surveys.stories import actor_of, answer, launch, launched, team_of, tokens
from trustivide.core import clock
from trustivide.core.activities import TEAM_SURVEYS
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.outbox import bounces
from trustivide.outbox.models import Mail
from trustivide.rights.actions import object_to
from trustivide.surveys import closing
from trustivide.surveys.delivery import PER_PAGE
from trustivide.surveys.models import AnswerSet, Invitation, Survey
from trustivide.teams.actions import add_members
from trustivide.teams.models import Team, TeamMember

Browsers = Callable[[], FlaskClient]
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


def invitation(survey: Survey, email: str) -> Invitation:
    db.session.rollback()
    found = {
        i.email: i
        for i in db.session.scalars(select(Invitation).where(Invitation.survey_id == survey.id))
    }
    return found[email]


def mail_of(invited: Invitation) -> Mail:
    db.session.rollback()
    return db.session.scalars(select(Mail).where(Mail.about_id == invited.id)).one()


def set_mail(survey: Survey, email: str, **values: object) -> None:
    invited = invitation(survey, email)
    with transaction() as session:
        mail = session.scalars(select(Mail).where(Mail.about_id == invited.id)).one()
        for name, value in values.items():
            setattr(mail, name, value)


def join(survey: Survey, *emails: str) -> None:
    with transaction() as session:
        team = session.get_one(Team, survey.team_id)
        actor = actor_of(account("alice@exempel.test"))
        add_members(session, actor, team, dict.fromkeys(emails), clock.now())


def texts(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_each_mail_says_in_words_what_became_of_it(app: Flask, client: FlaskClient) -> None:
    survey = launched(app, 9)
    alice = sign_in(client)
    url = f"/surveys/{survey.id}"
    page = alice.get(url).text
    assert 'hx-trigger="every 4s"' in page
    assert "9 mejl väntar på att skickas" in page
    delivered(app)
    settled = alice.get(f"{url}/delivery", headers=PARTIAL).text
    assert "<html" not in settled
    assert "hx-trigger" not in settled
    assert settled.count("Skickat") == 9
    for n, values in enumerate(
        (
            {"state": "failed", "smtp_code": 550},
            {"state": "bounced", "bounce_status": "5.2.2"},
            {"state": "bounced", "bounce_status": "5.7.1"},
            {"state": "ambiguous"},
            {"state": "deferred", "not_before": clock.now() + timedelta(minutes=8)},
            {"state": "withheld"},
            {"bounce_status": "4.4.1"},
            {"state": "sending"},
        ),
        start=1,
    ):
        set_mail(survey, f"dora{n}@exempel.test", **values)
    page = texts(alice.get(url).text)
    for words in (
        "dora1@exempel.test Kom inte fram Adressen finns inte eller är felstavad. Rätta adressen",
        "dora2@exempel.test Kom inte fram Brevlådan är full. Rätta adressen",
        "dora3@exempel.test Kom inte fram Mottagarens server släpper inte in våra mejl.",
        "dora4@exempel.test Osäkert Kontakten bröts",
        "dora5@exempel.test Försöker igen Mottagarens server bad oss vänta. Nästa försök:",
        "dora6@exempel.test Inte skickat",
        "dora7@exempel.test Skickat Mottagarens server dröjer",
        "dora8@exempel.test Skickas nu",
        "dora9@exempel.test Skickat",
        "Behöver ses över (5)",
    ):
        assert words in page
    order = [
        int(n)
        for n in re.findall(r"dora(\d)@exempel.test (?:Kom|Os|Förs|Inte s|Skickat|Skickas)", page)
    ]
    assert order == [1, 2, 3, 4, 5, 8, 7, 6, 9]
    problems = alice.get(f"{url}/delivery?group=problems", headers=PARTIAL).text
    assert "dora5@" in problems
    assert "dora9@" not in problems
    sought = alice.get(f"{url}/delivery?address=DORA9@exempel.test").text
    assert "dora9@" in sought
    assert "dora1@" not in sought
    assert "har ingen inbjudan" in alice.get(f"{url}/delivery?address=x@y.test").text
    assert alice.get(f"{url}/delivery?group=nonsense&page=99&address=%00").status_code == 200


def test_the_page_is_the_same_before_and_after_anybody_answers(
    app: Flask, client: FlaskClient
) -> None:
    survey = launched(app, 11)
    delivered(app)
    alice = sign_in(client)

    def seen() -> str:
        parts = (f"/surveys/{survey.id}", f"/surveys/{survey.id}/closure", "/surveys/")
        return without_secrets("".join(alice.get(path).text for path in parts))

    counts, pages = [], [seen()]
    for seed, token in enumerate(tokens(survey).values()):
        answer(survey, token, seed)
        pages.append(seen())
        counts += re.findall(r"Minst \d+ av 11 har svarat", pages[-1])[:1] or ["none"]
    assert (
        counts
        == ["none"] * 4 + ["Minst 5 av 11 har svarat"] * 5 + ["Minst 10 av 11 har svarat"] * 2
    )
    assert pages[0] == pages[4]
    assert pages[5] == pages[9]
    assert pages[10] == pages[11]
    # Between two steps nothing differs but the count itself.
    bare = {
        re.sub(r"Minst \d+ av 11 har svarat|visas när minst 5 har svarat", "", p) for p in pages
    }
    shown = [re.sub(r"<li>.*?</li>", "", p, flags=re.DOTALL) for p in bare]
    assert len(set(shown)) == 1
    with transaction() as session:
        closing.close(session, session.get_one(Survey, survey.id), clock.now())
    result = texts(alice.get(f"/surveys/{survey.id}").text)
    assert "11 av 11 inbjudna har svarat" in result
    assert alice.get(f"/surveys/{survey.id}/delivery").status_code == 303


def test_an_address_that_bounced_is_corrected_and_mailed_the_same_link(
    app: Flask, client: FlaskClient
) -> None:
    survey = launched(app, 6)
    first = delivered(app)
    alice = sign_in(client)
    wrong, fine = invitation(survey, "dora1@exempel.test"), invitation(survey, "dora2@exempel.test")
    again = f"/surveys/{survey.id}/invitations/{wrong.id}/mails"
    assert "redan på väg" in alice.post(again, follow_redirects=True).text
    with transaction() as session:
        report = (
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n"
            "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nAction: failed\n"
            "Status: 5.1.1\n\n--b\nContent-Type: text/rfc822-headers\n\n"
            f"Message-ID: {next(m for m in first if m['To'] == wrong.email)['Message-ID']}\n\n--b--"
        )
        assert bounces.take_in(session, report.encode()) == "bounced"
    assert "Adressen finns inte" in alice.get(f"/surveys/{survey.id}").text
    members = {m.email: m for m in db.session.scalars(select(TeamMember))}
    edit = f"/teams/{survey.team_id}/members"
    # A link that arrived stays where it is; one that came back follows the correction.
    alice.post(f"{edit}/{members[fine.email].id}", data={"email": "annan@exempel.test"})
    alice.post(f"{edit}/{members[wrong.email].id}", data={"email": "ratt@exempel.test"})
    assert invitation(survey, "dora2@exempel.test").id == fine.id
    moved = invitation(survey, "ratt@exempel.test")
    assert moved.id == wrong.id
    assert "med samma länk" in alice.post(again, follow_redirects=True).text
    assert mail_of(moved).state == "queued"
    assert "redan på väg" in alice.post(again, follow_redirects=True).text
    (new,) = [m for m in delivered(app) if m["To"] == "ratt@exempel.test"]
    token = tokens(survey)["ratt@exempel.test"]
    body = new.get_body(("plain",))
    assert body is not None
    assert f"/s/{token}" in body.get_content()
    assert mail_of(moved).state == "sent"


@both_databases
def test_who_joins_late_is_invited_unless_they_said_no(app: Flask, client: FlaskClient) -> None:
    survey = launched(app, 6)
    delivered(app)
    alice = sign_in(client)
    url = f"/surveys/{survey.id}"
    join(survey, "erik@exempel.test", "frida@exempel.test", "nej@exempel.test")
    with transaction() as session:
        who = Person.of(None, "nej@exempel.test")
        object_to(session, who, TEAM_SURVEYS, clock.now())
    page = alice.get(url).text
    assert "Nya i teamet" in page
    assert "frida@exempel.test" in page
    assert "nej@exempel.test" not in page
    team = {m.email: str(m.id) for m in db.session.scalars(select(TeamMember))}
    for chosen in (team["erik@exempel.test"], team["nej@exempel.test"], team["dora1@exempel.test"]):
        alice.post(f"{url}/invitations", data={"member": [chosen, "nonsense"]})
    alice.post(f"{url}/invitations", data={"member": team["erik@exempel.test"]})
    alice.post(f"{url}/invitations", data={"everybody": "1"})
    db.session.rollback()
    counted = db.session.get_one(Survey, survey.id)
    assert (counted.invited, counted.invited_later) == (6, 2)
    assert {m["To"] for m in delivered(app)} >= {"erik@exempel.test", "frida@exempel.test"}
    assert "nej@exempel.test" not in tokens(survey)
    for seed, token in enumerate(tokens(survey).values()):
        answer(survey, token, seed)
    with transaction() as session:
        closing.close(session, session.get_one(Survey, survey.id), clock.now())
    assert "8 av 8 inbjudna har svarat" in texts(alice.get(url).text)
    late = alice.post(f"{url}/invitations", data={"everybody": "1"}, follow_redirects=True)
    assert "Enkäten är stängd" in late.text


def test_nobody_is_let_in_or_out_where_that_would_single_them_out(
    app: Flask, client: FlaskClient
) -> None:
    alice = customer()
    team = team_of(alice, 7)
    first = launch(alice, team)
    with transaction() as session:
        closing.close(session, session.get_one(Survey, first.id), clock.now())
    second = launch(alice, team)
    browser = sign_in(client)
    url = f"/surveys/{second.id}"
    join(second, "erik@exempel.test")
    refused = browser.post(f"{url}/invitations", data={"everybody": "1"}, follow_redirects=True)
    assert "Ingen är inbjuden." in refused.text
    assert "färre än 5 personer" in refused.text
    dora = invitation(second, "dora1@exempel.test")
    removal = f"{url}/invitations/{dora.id}/removal"
    kept = browser.post(removal)
    assert kept.status_code == 422
    assert "kan inte tas bort nu" in kept.text
    assert invitation(second, "dora1@exempel.test").id == dora.id
    # A mail that came back doesn't move to another person either.
    set_mail(second, "dora2@exempel.test", state="bounced")
    member = next(m for m in db.session.scalars(select(TeamMember)) if "dora2" in m.email)
    browser.post(f"/teams/{team.id}/members/{member.id}", data={"email": "ny@exempel.test"})
    assert invitation(second, "dora2@exempel.test")
    # Those who join together are no few: five, and the one whose address is new.
    join(second, *(f"ny{n}@exempel.test" for n in range(4)))
    invited = browser.post(f"{url}/invitations", data={"everybody": "1"}, follow_redirects=True)
    assert "6 personer är inbjudna" in invited.text


@both_databases
def test_a_removed_invitation_opens_nothing_and_its_answer_stays(
    app: Flask, client: FlaskClient, browser_of: Browsers
) -> None:
    survey = launched(app, 7)
    delivered(app)
    alice, dora = sign_in(client), browser_of()
    links = tokens(survey)
    answer(survey, links["dora1@exempel.test"])
    member = next(m for m in db.session.scalars(select(TeamMember)) if "dora1" in m.email)
    team = f"/teams/{survey.team_id}/members/{member.id}/removal"
    offered = re.search(rf'href="(/surveys/{survey.id}/invitations/[^"]+)"', alice.get(team).text)
    assert offered
    gone = alice.post(team, data={"confirmed": "1"}, follow_redirects=True)
    assert "gäller fortfarande" in gone.text
    assert offered[1] in gone.text
    page = alice.get(offered[1]).text
    assert "Har personen redan svarat finns svaret kvar" in page
    assert alice.post(offered[1], follow_redirects=True).status_code == 200
    dora.get(f"/s/{links['dora1@exempel.test']}", follow_redirects=True)
    assert dora.get(f"/s/survey/{survey.id}").status_code == 404
    assert alice.get(offered[1]).status_code == 404
    db.session.rollback()
    assert len(db.session.scalars(select(AnswerSet)).all()) == 1
    assert db.session.get_one(Survey, survey.id).invited == 7
    # Somebody else's page that is still open doesn't save or send either.
    waiting = invitation(survey, "dora2@exempel.test")
    dora.get(f"/s/{links[waiting.email]}", follow_redirects=True)
    alice.post(f"/surveys/{survey.id}/invitations/{waiting.id}/removal")
    assert dora.post(f"/s/survey/{survey.id}/submission", data={}).status_code in {404, 405}
    blocked = alice.post(f"/teams/{survey.team_id}/removal", follow_redirects=True)
    assert "Teamet har en öppen enkät" in blocked.text


def test_thousands_of_invitations_are_paged_and_few_are_decrypted(
    app: Flask, client: FlaskClient
) -> None:
    survey = launched(app, 5)
    bad = invitation(survey, "dora3@exempel.test").id
    with transaction() as session:
        session.add_all(
            Invitation(survey_id=survey.id, email=f"p{n}@exempel.test", lookup=f"{n:032}".encode())
            for n in range(2_000)
        )
    set_mail(survey, "dora3@exempel.test", state="failed", smtp_code=550)
    alice = sign_in(client)
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    page = alice.get(f"/surveys/{survey.id}").text
    assert len(statements) < 25
    assert page.count("/removal") == PER_PAGE
    assert str(bad) in page
    assert "Sida 1 av 21" in page
    assert str(bad) not in alice.get(f"/surveys/{survey.id}/delivery?page=2").text


def test_strangers_and_members_reach_none_of_it(app: Flask, browser_of: Browsers) -> None:
    survey = launched(app, 6)
    alice = account("alice@exempel.test")
    customer("Charlie", "charlie@exempel.test", number="556036-0793")
    colleague(alice, "member", "Eva", "eva@exempel.test")
    invited = invitation(survey, "dora1@exempel.test")
    other = launch(alice, team_of(alice, 6, "Andra", "bo"))
    base = f"/surveys/{survey.id}"
    for email in ("charlie@exempel.test", "eva@exempel.test"):
        browser = sign_in(browser_of(), email)
        for path in (base, f"{base}/delivery", f"{base}/invitations/{invited.id}/removal"):
            assert browser.get(path).status_code == 404
        for path in ("invitations", f"invitations/{invited.id}/mails"):
            assert browser.post(f"{base}/{path}").status_code == 404
        assert browser.post(f"{base}/invitations/{invited.id}/removal").status_code == 404
    browser = sign_in(browser_of())
    crossed = f"/surveys/{other.id}/invitations/{invited.id}"
    assert browser.post(f"{crossed}/removal").status_code == 404
    assert browser.post(f"{crossed}/mails").status_code == 404
    assert invitation(survey, "dora1@exempel.test").id == invited.id
