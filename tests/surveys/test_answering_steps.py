"""Every step between the link and the receipt, without JavaScript, in both languages."""

import logging
import re
import shutil
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.conftest import both_databases
from tests.surveys.stories import launched, tokens
from tests.surveys.test_answering import (
    INSTRUMENT,
    code_on,
    fill_in,
    hidden,
    open_link,
    submit,
)
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.surveys import actions, anonymity, catalogue, closing, queries
from trustivide.surveys.actions import Edit
from trustivide.surveys.models import AnswerSet, Draft, Survey

LAST = len(INSTRUMENT.sections)
FIRST = [item.key for item in INSTRUMENT.sections[0].items]
TELLING = "Jag som chef vet att doras kod är fel. Ring 070-123 45 67."


def begun(client: FlaskClient, survey: Survey, nth: int = 0) -> str:
    """Follow the link of one of those who were asked."""
    return open_link(client, list(tokens(survey).values())[nth])


def drafts() -> int:
    """How many drafts there are."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Draft)) or 0


def test_every_button_saves_and_the_language_changes_in_the_middle(
    app: Flask, client: FlaskClient
) -> None:
    start = begun(client, launched(app, 6))
    opened = client.get(f"{start}/1")
    assert "draft-" in opened.headers["Set-Cookie"], "the key of the draft comes with the page"
    assert drafts() == 0, "and no row does"

    # "Tillbaka" saves what is typed, complete or not.
    back = client.post(f"{start}/2", data={"care_1": "4", "go": "back"})
    assert back.headers["Location"] == f"{start}/1"
    assert 'value="4" checked' in client.get(f"{start}/2").text
    assert client.post(f"{start}/1", data={"go": "back"}).headers["Location"] == start
    intro = client.get(start).text
    assert "Fortsätt där du var" in intro
    assert f'href="{start}/1"' in intro

    # The other language, with what is typed and not saved yet; it stays so from then on.
    page = client.get(f"{start}/1").text
    assert re.search(r'<button[^>]*form="answers"[^>]*name="lang" value="en" lang="en">', page)
    switched = client.post(f"{start}/1", data={FIRST[0]: "2", "lang": "en"})
    assert switched.status_code == 303
    english = client.get(switched.headers["Location"]).text
    assert 'lang="en"' in english
    assert "Knowing our work" in english
    assert 'value="2" checked' in english
    assert "Trust in teams" in client.get(start).text
    wrong = client.post(f"{start}/1", data={FIRST[0]: "2", FIRST[1]: "5"})
    assert wrong.status_code == 422
    assert wrong.text.count(" checked") == 2
    client.post(f"{start}/1", data={"lang": "sv"})
    assert "Att kunna sitt arbete" in client.get(f"{start}/1").text
    # A language that there isn't is no language: the answers are looked over as ever.
    assert client.post(f"{start}/1", data={"lang": "de"}).status_code == 422

    # Where one was: the first part that lacks an answer, at last the review.
    client.post(f"{start}/1", data=dict.fromkeys(FIRST, "4"))
    assert f'href="{start}/2"' in client.get(start).text
    fill_in(client, start)
    assert f'href="{start}/review"' in client.get(start).text
    # From the review to one part, and straight back.
    assert 'value="review"' in client.get(f"{start}/2").text
    care = {item.key: "1" for item in INSTRUMENT.sections[1].items} | {"go": "review"}
    assert client.post(f"{start}/2", data=care).headers["Location"] == f"{start}/review"
    assert client.get(f"{start}/99").headers["Location"] == start


@both_databases
def test_saves_at_once_and_out_of_order_lose_nothing(app: Flask) -> None:
    survey = launched(app, 6)
    survey_id, cookie = survey.id, anonymity.new_draft_cookie()
    token = next(iter(tokens(survey).values()))
    db.session.rollback()
    barrier, failures = threading.Barrier(8), []

    def save(n: int) -> None:
        with app.app_context():
            barrier.wait()
            try:
                with transaction() as session:
                    actions.save_draft(session, survey_id, cookie, {f"care_{n % 4 + 1}": "3"})
            except Exception as error:  # whatever it is, it fails the test
                failures.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=save, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert drafts() == 1
    held = queries.draft_for(db.session(), survey_id, cookie)
    assert held == {f"care_{n}": "3" for n in range(1, 5)}

    # The last save of a page was quicker than one before it.
    for number, answer in ((3, "5"), (1, "1"), (2, "2"), (3, "1")):
        with transaction() as session:
            edit = Edit("page", number)
            actions.save_draft(session, survey_id, cookie, {"care_1": answer}, edit)
    assert queries.draft_for(db.session(), survey_id, cookie)["care_1"] == "5"
    # The same count on a page opened later says nothing about this one.
    with transaction() as session:
        actions.save_draft(session, survey_id, cookie, {"care_1": "4"}, Edit("another", 1))
    assert queries.draft_for(db.session(), survey_id, cookie)["care_1"] == "4"
    for n in range(50):
        with transaction() as session:
            actions.save_draft(session, survey_id, cookie, {}, Edit(f"p{n}", 1))
    sealed = db.session.scalars(select(Draft.sealed)).one()
    assert len(anonymity.open_draft(cookie, sealed)[queries.EDITS]) == actions.KEPT_EDITS
    # Submitted elsewhere: a save that was on its way leaves nothing behind.
    db.session.rollback()
    actions.submit(survey_id, token, anonymity.new_receipt_code(), {"care_1": 4}, cookie)
    with pytest.raises(actions.AlreadyAnswered), transaction() as session:
        actions.save_draft(session, survey_id, cookie, {"care_1": "1"}, token=token)
    assert drafts() == 0


def test_what_somebody_wrote_is_looked_through_before_it_is_sent(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    start = begun(client, launched(app, 6))
    fill_in(client, start)
    end = {"trust": "4", "comment": ""}
    assert client.get(f"{start}/comments").headers["Location"] == f"{start}/review"
    quiet = client.post(f"{start}/{LAST}", data=end)
    assert quiet.headers["Location"] == f"{start}/review", "nothing written, nothing asked"

    wrote = client.post(f"{start}/{LAST}", data=end | {"comment": TELLING})
    assert wrote.headers["Location"] == f"{start}/comments"
    page = client.get(f"{start}/comments").text
    marked = re.findall(r"<mark>(.*?)</mark>", page)
    assert marked == ["Jag som chef", "doras", "070-123 45 67"]
    assert "kan vara någons namn" in page
    assert "ett telefonnummer" in page
    assert " checked" not in page, "the writer chooses"
    shown = {"comment.shown": TELLING}

    nothing = client.post(f"{start}/comments", data=shown | {"comment": TELLING})
    assert nothing.status_code == 422
    assert "Välj vad du vill göra med texten." in nothing.text
    made_up = client.post(f"{start}/comments", data=shown | {"comment.choice": "publish"})
    assert made_up.status_code == 422

    # Changed, but something is left: once more. In English meanwhile, and nothing is lost.
    better = shown | {"comment": "Fråga Dora.", "comment.choice": "change"}
    english = client.post(f"{start}/comments", data=better | {"lang": "en"})
    assert english.status_code == 200
    assert 'lang="en"' in english.text
    assert ">\nFråga Dora.</textarea>" in english.text
    assert 'value="change" checked' in english.text
    client.post(f"{start}/1", data={"lang": "sv"})
    again = client.post(f"{start}/comments", data=better)
    assert again.headers["Location"] == f"{start}/comments"
    assert "<mark>Dora</mark>" in client.get(f"{start}/comments").text
    # Back keeps what was changed, too.
    dropped = {"comment.shown": "Fråga Dora.", "comment": "Fråga oss.", "comment.choice": "change"}
    back = client.post(f"{start}/comments", data=dropped | {"go": "back"})
    assert back.headers["Location"] == f"{start}/{LAST}"
    assert "Fråga oss." in client.get(f"{start}/{LAST}").text
    clean = client.get(f"{start}/comments").text
    assert "<mark>" not in clean
    assert 'value="keep" checked' in clean

    long = client.post(f"{start}/comments", data=dropped | {"comment": "y" * 20_000})
    assert long.status_code == 422
    assert "y" * 20_000 in long.text
    assert "Högst 5 000 tecken" in long.text

    for _double_click in range(2):
        kept = client.post(f"{start}/comments", data=dropped | {"comment.choice": "keep"})
        assert kept.headers["Location"] == f"{start}/review"
    assert "Fråga Dora." in client.get(f"{start}/review").text, "kept is what was shown"
    for _double_click in range(2):
        removed = client.post(f"{start}/comments", data=dropped | {"comment.choice": "remove"})
        assert removed.headers["Location"] == f"{start}/review"
    review = client.get(f"{start}/review").text
    assert "Ingen kommentar" in review
    receipts = {code_on(submit(client, start, review)) for _double_click in range(2)}
    assert len(receipts) == 1
    assert db.session.scalar(select(func.count()).select_from(AnswerSet)) == 1
    assert not re.search("Dora\\b|doras|070-123", caplog.text)


def test_answers_to_what_isnt_asked_are_ignored(app: Flask, client: FlaskClient) -> None:
    start = begun(client, launched(app, 6))
    made_up = {"no_such_item": "5", "-": "x", "csrf_token": "x", "edit": "1-99999999999"}
    assert client.post(f"{start}/draft", data=made_up).status_code == 204
    assert client.post(f"{start}/1", data=dict.fromkeys(FIRST, "4") | made_up).status_code == 303
    odd = client.post(f"{start}/1", data=dict.fromkeys(FIRST, "99"))
    assert odd.status_code == 422
    assert "Välj ett av svaren." in odd.text
    fields = hidden(fill_in(client, start, comment="\ud800 \x00 hej".encode("utf-8", "replace")))
    done = client.post(f"{start}/review", data=fields | made_up)
    assert done.status_code == 200
    assert "no_such_item" not in (db.session.scalars(select(AnswerSet.answers)).one())


def test_the_receipt_is_kept_as_a_file_and_read_in_both_languages(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    survey = launched(app, 6)
    start = begun(client, survey)
    page = submit(client, start, fill_in(client, start, comment="Hej"))
    code = code_on(page)
    signed = re.search(r'name="receipt" value="([^"]+)"', page)
    assert signed
    form = {"receipt": signed[1]}
    file = client.post(f"{start}/receipt", data=form)
    assert file.mimetype == "text/plain"
    assert file.headers["Content-Disposition"] == "attachment; filename=kvittokod.txt"
    assert file.headers["Cache-Control"] == "no-store"
    assert code in file.text
    assert "/s/receipt\n" in file.text
    english = client.post(f"{start}/receipt", data=form | {"lang": "en"})
    assert code_on(english.text) == code
    assert 'lang="en"' in english.text
    assert code not in str(english.headers) + str(file.headers) + caplog.text

    # Nobody else's, none made up, and none once the answers are taken back.
    other = app.test_client()
    theirs = begun(other, survey, 1)
    for receipt in (form["receipt"], form["receipt"] + "x", ""):
        refused = other.post(f"{theirs}/receipt", data={"receipt": receipt})
        assert refused.status_code == 303
    assert client.post(f"{start}/receipt", data={"receipt": "x"}).status_code == 409

    # Correcting by code: one is told once, and in the other language nothing is lost.
    client.post("/s/receipt", data={"code": code})
    mine = {i.key: TELLING if i.kind == "text" else "2" for i in INSTRUMENT.items}
    swedish = client.post("/s/receipt/answers", data=mine | {"lang": "sv"})
    assert TELLING in swedish.text
    assert swedish.text.count('value="2" checked') == len(INSTRUMENT.items) - 1
    told = client.post("/s/receipt/answers", data=mine)
    assert told.status_code == 200
    assert "Inget är sparat än." in told.text
    assert "<q>doras</q>" in told.text
    seen = re.search(r'name="seen" value="([^"]+)"', told.text)
    assert seen
    other_words = mine | {"comment": TELLING + " Bo", "seen": seen[1]}
    assert client.post("/s/receipt/answers", data=other_words).status_code == 200
    saved = client.post("/s/receipt/answers", data=mine | {"seen": seen[1]})
    assert saved.status_code == 303
    assert TELLING in client.get("/s/receipt/answers").text
    client.post("/s/receipt/withdrawal")
    assert client.post(f"{start}/receipt", data=form).headers["Location"] == start
    # The code opens nothing any more, and the page says what to do.
    gone = client.get("/s/receipt/answers")
    assert gone.status_code == 404
    assert "Skriv den igen." in gone.text


def test_doors_that_are_shut_say_so(app: Flask, client: FlaskClient) -> None:
    survey = launched(app, 6)
    survey_id = survey.id
    start = begun(client, survey)
    stranger = app.test_client()
    for path in ("", "/1", "/comments", "/review"):
        lost = stranger.get(start + path)
        assert lost.status_code == 404
        assert "Öppna länken i mejlet igen" in lost.text
    assert "Länken gäller inte" in stranger.get("/s/" + "A" * 32).text
    fields = hidden(fill_in(client, start, comment="Hej"))
    with transaction() as session:
        closing.close(session, session.get_one(Survey, survey_id), clock.now() + timedelta(days=1))
    for path in ("", "/1", "/comments", "/review"):
        closed = client.get(start + path)
        assert closed.status_code == 410
        assert "Enkäten är stängd" in closed.text
    assert client.post(f"{start}/review", data=fields).status_code == 410
    assert client.post(f"{start}/comments", data={"comment.choice": "keep"}).status_code == 410
    assert client.post(f"{start}/draft", data={FIRST[0]: "4"}).status_code == 409
    assert drafts() == 0


def test_all_on_one_page(
    app: Flask, client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "instruments"
    shutil.copytree(catalogue.INSTRUMENTS, folder)
    text = (folder / "tillit-i-team-1.toml").read_text()
    text = text.replace("version = 1\n", 'version = 2\nlayout = "page"\n', 1)
    (folder / "tillit-i-team-2.toml").write_text(text)
    monkeypatch.setattr(catalogue, "INSTRUMENTS", folder)
    start = begun(client, launched(app, 6))
    page = client.get(f"{start}/1").text
    assert "<progress" not in page, "one page is no way to be somewhere on"
    for section in INSTRUMENT.sections:
        assert f">{section.title.sv}</h2>" in page
    answers = {i.key: "Vi ses för sällan." if i.kind == "text" else "4" for i in INSTRUMENT.items}
    missing = client.post(f"{start}/1", data=answers | {"care_2": "", "trust": ""})
    assert missing.status_code == 422
    assert 'href="#care_2"' in missing.text
    assert missing.text.count('<li><a href="#') == 2
    assert client.post(f"{start}/1", data=answers).headers["Location"] == f"{start}/comments"
    review = client.get(f"{start}/review").text
    assert f'href="{start}/1#care_1"' in review
    assert submit(client, start, review).startswith("200")


def test_a_poor_phone_loads_little(app: Flask, client: FlaskClient) -> None:
    start = begun(client, launched(app, 6))
    fill_in(client, start, comment="Vi ses för sällan.")
    paths = [start, *(f"{start}/{n}" for n in range(1, LAST + 1))]
    pages = [client.get(path).text for path in [*paths, f"{start}/comments", f"{start}/review"]]
    pages.append(submit(client, start, pages[-1]))
    for page in pages:
        # The icon aside, which a browser fetches once and when it likes.
        loads = re.findall(
            r'<(?:script|link rel="stylesheet"|img)[^>]*(?:src|href)="([^"]+)"', page
        )
        assert len(loads) == 2, loads
        assert len(page.encode()) <= 20_000
        files = [client.get(address) for address in loads]
        assert all(file.status_code == 200 for file in files)
        assert len(page.encode()) + sum(len(file.data) for file in files) <= 50_000
        assert all("immutable" in file.headers["Cache-Control"] for file in files)
