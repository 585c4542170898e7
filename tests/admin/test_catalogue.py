"""Stina looks after the workshops: she writes, shows, publishes, and takes back."""

import io
import os
import re
import stat
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy import select

from tests.admin.test_office import in_office
from tests.conftest import both_databases, environment
from tests.documents import office as word
from tests.documents import pdf
from tests.factories import account, customer, sign_in, staff
from tests.surveys.stories import actor_of
from trustivide import create_app, migrating
from trustivide.admin.views.drafts import reserved
from trustivide.audit.models import AuditEntry
from trustivide.core import clock, documents
from trustivide.core.db import db, transaction
from trustivide.outbox import worker
from trustivide.teams import actions as teams
from trustivide.workshops import attachments, catalogue, editing
from trustivide.workshops.cards import Source, library
from trustivide.workshops.models import Attachment, Workshop, WorkshopSession, WorkshopVersion

SLUG = "tre-saker"
THERE = f"/admin/catalogue/{SLUG}"
PREMORTEM = "/admin/catalogue/premortem"
TITLE, TITLE_EN = "Exempel: Tre saker vi uppskattar", "Example: Three things we appreciate"


@pytest.fixture
def stina(client: FlaskClient) -> FlaskClient:
    """Stina signed in with both factors; Alice is a customer."""
    customer()
    staff(role="content")
    return in_office(client)


@pytest.fixture
def alice(stina: FlaskClient, browser_of: Callable[[], FlaskClient]) -> FlaskClient:
    """Alice signed in, in a browser of her own."""
    return sign_in(browser_of())


def fields(page: str) -> dict[str, str]:
    """The texts in an editor and what it remembers, as a browser would send them."""
    found = dict(re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>\r?\n(.*?)</textarea>', page, re.S))
    found |= dict(re.findall(r'<input[^>]*name="(seen)"[^>]*value="([^"]*)"', page))
    return {name: unescape(value).replace("\n", "\r\n") for name, value in found.items()}


def form_to(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that goes to ``action``."""
    form = re.search(rf'<form action="{re.escape(action)}".*?</form>', page, re.S)
    assert form, action
    return dict(re.findall(r'<input type="hidden" name="(number|seen)" value="([^"]*)"', form[0]))


def begun(stina: FlaskClient, **changes: str) -> None:
    """A new workshop with its first draft."""
    form = fields(stina.get("/admin/catalogue/new").text) | {"slug": SLUG} | changes
    assert stina.post("/admin/catalogue/new", data=form).status_code == 303


def published(stina: FlaskClient, there: str = THERE) -> None:
    form = form_to(stina.get(there).text, f"{there}/publication")
    assert stina.post(f"{there}/publication", data=form).status_code == 303


def rewritten(stina: FlaskClient, there: str, old: str, new: str) -> None:
    """Save a draft that says something else in Swedish."""
    form = fields(stina.get(f"{there}/draft").text)
    assert old in form["swedish"]
    form["swedish"] = form["swedish"].replace(old, new)
    assert stina.post(f"{there}/draft", data=form).status_code == 303


def versions(slug: str = SLUG) -> list[WorkshopVersion]:
    db.session.rollback()
    return list(
        db.session.scalars(
            select(WorkshopVersion)
            .join(Workshop, WorkshopVersion.workshop_id == Workshop.id)
            .where(Workshop.slug == slug)
            .order_by(WorkshopVersion.number)
        )
    )


def files(app: Flask) -> list[Path]:
    return sorted(attachments.folder_in(app.config["SETTINGS"].instance).glob("*"))


def upload(client: FlaskClient, there: str, name: str, content: bytes, **more: str) -> Any:
    data = {"file": (io.BytesIO(content), name), "language": "sv", **more}
    return client.post(f"{there}/attachments", data=data, content_type="multipart/form-data")


@both_databases
def test_a_workshop_is_written_shown_published_and_taken_back(
    stina: FlaskClient, alice: FlaskClient
) -> None:
    begun(stina)
    assert alice.get(f"/workshops/{SLUG}").status_code == 404
    assert TITLE not in alice.get("/workshops/").text
    page = stina.get(THERE).text
    assert "Utkastet följer alla regler" in page
    assert "Stina Ström" in page
    # As readers will see it, in either language, without what only they can do
    swedish = stina.get(f"{THERE}/versions/1/preview?language=sv").text
    assert f"<h1>{TITLE}</h1>" in swedish
    assert "Säg det" in swedish
    english = stina.get(f"{THERE}/versions/1/preview?language=en").text
    assert f"<h1>{TITLE_EN}</h1>" in english
    assert '<html lang="en">' in english
    assert "/downloads" not in swedish + english
    published(stina)
    assert f"<h1>{TITLE}</h1>" in alice.get(f"/workshops/{SLUG}").text
    assert TITLE in alice.get("/workshops/?q=uppskattar").text
    # Saving what was not changed begins nothing.
    assert stina.post(f"{THERE}/draft", data=fields(stina.get(f"{THERE}/draft").text))
    assert len(versions()) == 1
    # A change is a new version, which nobody reads before it is published
    rewritten(stina, THERE, "Runda av", "Sluta fint")
    assert "Runda av" in alice.get(f"/workshops/{SLUG}").text
    differences = stina.get(f"{THERE}/differences?older=1&newer=2").text
    assert re.search(r"<ins>.*Sluta fint", differences)
    assert re.search(r"<del>.*Runda av", differences)
    assert "rader är lika" in differences
    published(stina)
    assert "Sluta fint" in alice.get(f"/workshops/{SLUG}").text
    # Back to what it was, as a third version
    assert stina.get(f"{THERE}/versions/1").text.count("Runda av") == 1
    back = stina.get(f"{THERE}/draft?version=1").text
    assert "Det här är version 1" in back
    assert len(versions()) == 2
    assert stina.post(f"{THERE}/draft", data=fields(back)).status_code == 303
    published(stina)
    assert "Runda av" in alice.get(f"/workshops/{SLUG}").text
    assert [v.cards["sv"]["version"] for v in versions() if v.cards] == [1, 2, 3]
    # Withdrawn, and published again
    assert "Inget team har den planerad" in stina.get(f"{THERE}/withdrawal").text
    assert stina.post(f"{THERE}/withdrawal").status_code == 303
    assert alice.get(f"/workshops/{SLUG}").status_code == 404
    assert "tillbakadragen" in stina.get("/admin/catalogue?state=withdrawn").text
    published(stina)
    assert alice.get(f"/workshops/{SLUG}").status_code == 200
    events = db.session.execute(
        select(AuditEntry.event, AuditEntry.detail)
        .where(AuditEntry.event.startswith("workshop_"))
        .order_by(AuditEntry.number)
    ).all()
    assert [tuple(event) for event in events] == [
        ("workshop_published", "1"),
        ("workshop_published", "2"),
        ("workshop_published", "3"),
        ("workshop_withdrawn", "3"),
        ("workshop_published", "3"),
    ]


def test_a_draft_may_break_rules_and_says_which_where(
    stina: FlaskClient, alice: FlaskClient
) -> None:
    example = fields(stina.get("/admin/catalogue/new").text)
    begun(
        stina,
        swedish=example["swedish"].replace("minutes: 12", "minutes: tolv"),
        english=example["english"].replace("goal: >-", "colour: green\r\ngoal: >-") + "<b>",
    )
    page = stina.get(f"{THERE}/draft").text
    swedish = re.search(r'id="swedish-error">.*?</p>', page, re.S)
    english = re.search(r'id="english-error">.*?</p>', page, re.S)
    assert swedish
    assert english
    line = example["swedish"].split("\r\n").index("  - minutes: 12") + 1
    said = f"{SLUG}.sv.md, rad {line}, agenda[2].minutes: ska vara ett heltal."
    assert said in swedish[0]
    assert "minutes: tolv" in swedish[0]
    assert "colour: är inte ett fält i ett kort." in english[0]
    assert said in stina.get(THERE).text
    assert "utkast att rätta" in stina.get("/admin/catalogue").text
    assert stina.get(f"{THERE}/versions/1/preview").status_code == 303
    draft = versions()[0]
    form = {"number": "1", "seen": f"{draft.id}.{draft.edition}"}
    answer = stina.post(f"{THERE}/publication", data=form)
    assert answer.status_code == 422
    assert "inte alla regler" in answer.text
    assert alice.get(f"/workshops/{SLUG}").status_code == 404
    # In English too
    stina.post("/language", data={"lang": "en", "next": "/"})
    assert "must be a whole number" in stina.get(f"{THERE}/draft").text


@pytest.mark.parametrize(
    ("front", "says"),
    [
        ("title: [1, 2", "går inte att läsa som YAML"),
        ("a: &a [x]\nb: *a", "aliases are not allowed"),
        ("when: 2026-13-45", "går inte att läsa som YAML"),
        ("title: !!timestamp x", "går inte att läsa som YAML"),
        ("[" * 400, "går inte att läsa som YAML"),
        ("title: one\ntitle: two", "står två gånger"),
        ("- a", "ska vara fält med värden"),
    ],
)
def test_whatever_is_typed_is_a_draft(front: str, says: str) -> None:
    source = Source("x", {"sv": f"---\n{front}\n---\nText\n", "en": ""}, numbered=False)
    assert says in source.faults[0].words.sv
    assert len(source.faults) == 2


def test_two_editors_at_once_lose_nothing(
    stina: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    staff("Sven Sund", "sven@trustivide.test", "content")
    sven = in_office(browser_of(), "sven@trustivide.test")
    begun(stina)
    stinas, svens = (fields(each.get(f"{THERE}/draft").text) for each in (stina, sven))
    stinas["swedish"] = stinas["swedish"].replace("Runda av", "Stinas slut")
    svens["swedish"] = svens["swedish"].replace("Tänk själv", "Svens början")
    svens["english"] = svens["english"].replace("Round off", "Sven's end")
    assert stina.post(f"{THERE}/draft", data=stinas).status_code == 303
    answer = sven.post(f"{THERE}/draft", data=svens)
    assert answer.status_code == 422
    both = unescape(answer.text)
    assert "av Stina Ström" in both
    for text in ("Stinas slut", "Svens början", "Sven's end", "Round off"):
        assert text in both
    assert "Stinas slut" in versions()[0].swedish
    # His own text, which now stands on hers, is saved as it is.
    again = fields(answer.text)
    assert again["swedish"] == svens["swedish"]
    assert sven.post(f"{THERE}/draft", data=again).status_code == 303
    assert "Svens början" in versions()[0].swedish
    assert versions()[0].edition == 3
    # What was read before it changed is neither published nor thrown away.
    seen = form_to(stina.get(THERE).text, f"{THERE}/publication")
    rewritten(sven, THERE, "Svens början", "Svens andra")
    assert stina.post(f"{THERE}/publication", data=seen).status_code == 409
    assert stina.post(f"{THERE}/draft/removal", data=seen).status_code == 409
    # Thrown away by one while the other writes: the text is there for a new one.
    last = fields(stina.get(f"{THERE}/draft").text)
    removal = form_to(sven.get(f"{THERE}/draft/removal").text, f"{THERE}/draft/removal")
    assert sven.post(f"{THERE}/draft/removal", data=removal).status_code == 303
    assert versions() == []
    kept = stina.post(f"{THERE}/draft", data=last)
    assert kept.status_code == 422
    assert fields(kept.text)["swedish"] == last["swedish"]
    assert f'value="{SLUG}"' in kept.text


def test_what_somebody_threw_away_a_moment_ago_is_not_there(
    stina: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(stina)
    page = stina.get(THERE).text
    form = form_to(page, f"{THERE}/publication")
    monkeypatch.setattr(editing, "history", lambda *_, **__: None)  # since the page was asked for
    assert stina.post(f"{THERE}/publication", data=form).status_code == 404
    assert stina.post(f"{THERE}/draft/removal", data=form).status_code == 404


def test_a_service_that_started_before_its_tables_were_there_gets_its_workshops(
    tmp_path: Path,
) -> None:
    app = create_app(environment(tmp_path))
    migrating.prepare(app)
    with app.app_context():
        upgrade()
        assert not catalogue.current(db.session()).entries
        db.session.rollback()
        worker.tick(app)
        assert len(catalogue.current(db.session()).entries) == len(library())
        db.session.remove()
        db.engine.dispose()


def test_a_newer_text_of_the_library_waits_beside_what_staff_wrote(
    stina: FlaskClient, alice: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewritten(stina, PREMORTEM, "summary: ", "summary: Vår egen. ")
    published(stina, PREMORTEM)
    assert "Vår egen." in alice.get("/workshops/premortem").text
    newer = [
        Source(s.slug, {k: t.replace("version: ", "version: 9") for k, t in s.texts.items()})
        if s.slug == "premortem"
        else s
        for s in library()
    ]
    monkeypatch.setattr(catalogue, "_shipped", lambda: tuple(newer))
    with transaction() as session:
        assert catalogue.load(session, clock.now()) == 1
    assert "Vår egen." in alice.get("/workshops/premortem").text
    assert "nyare text finns" in stina.get("/admin/catalogue").text
    page = stina.get(PREMORTEM).text
    assert "En nyare text följer med Trustivide" in page
    # Staff go on from their own and publish last: theirs counts, and nothing waits any more.
    rewritten(stina, PREMORTEM, "Vår egen.", "Vår andra.")
    published(stina, PREMORTEM)
    assert [v.origin for v in versions("premortem")] == ["library", "staff", "library", "staff"]
    assert "En nyare text" not in stina.get(PREMORTEM).text
    # Or they take the library's.
    with transaction() as session:
        session.scalars(select(Workshop).where(Workshop.slug == "premortem")).one().number = 2
    published(stina, PREMORTEM)
    assert "Vår" not in alice.get("/workshops/premortem").text.split("</h1>")[1][:200]


def test_whoever_planned_it_is_told_of_before_it_is_withdrawn(
    stina: FlaskClient, alice: FlaskClient
) -> None:
    now, owner = clock.now(), account("alice@exempel.test")
    with transaction() as session:
        for name in ("Ett", "Två"):
            team = teams.create_team(session, actor_of(owner), name, now)
            planned = WorkshopSession(team_id=team.id, workshop="premortem", version=1, locale="sv")
            planned.starts_at, planned.minutes = now + timedelta(days=7), 60
            planned.planned_by_id, planned.planned_on = owner.id, now.date()
            session.add(planned)
        session.flush()
        planned.state = "cancelled"
    upload(stina, PREMORTEM, "Stöd.pdf", pdf())
    file = db.session.scalars(select(Attachment)).one()
    assert "Den är planerad 1 gång" in stina.get(f"{PREMORTEM}/withdrawal").text
    assert stina.post(f"{PREMORTEM}/withdrawal").status_code == 303
    # Its file stays readable for those who planned it, and for nobody else.
    path = f"/workshops/premortem/attachments/{file.id}"
    assert alice.get(path).status_code == 200
    customer("Charlie", "charlie@annan.test", organisation="Annan AB")
    charlie = sign_in(alice.application.test_client(), "charlie@annan.test")
    assert charlie.get(path).status_code == 404
    published(stina, PREMORTEM)
    assert charlie.get(path).status_code == 200


def test_a_name_is_plain_free_and_no_word_of_ours(app: Flask, stina: FlaskClient) -> None:
    begun(stina)
    form = fields(stina.get("/admin/catalogue/new").text)
    for slug in ("Tre saker", "x_y", "-x", "x" * 61, "åäö", ""):
        answer = stina.post("/admin/catalogue/new", data=form | {"slug": slug})
        assert answer.status_code == 422
        assert 'id="slug-error"' in answer.text
        assert fields(answer.text)["swedish"] == form["swedish"]
    for slug in (SLUG, "premortem", "searches", "new"):
        answer = stina.post("/admin/catalogue/new", data=form | {"slug": slug})
        assert answer.status_code == 422
        assert "Namnet är upptaget" in answer.text
    assert not {source.slug for source in library()} & reserved()
    long = form | {"slug": "annan", "swedish": "x" * (editing.LONGEST + 1)}
    assert stina.post("/admin/catalogue/new", data=long).status_code == 422


# Files


def test_a_file_goes_with_a_workshop_until_it_is_removed(
    app: Flask, stina: FlaskClient, alice: FlaskClient
) -> None:
    content = word()
    answer = upload(stina, PREMORTEM, "../Årets stöd.docx", content, language="en")
    assert answer.status_code == 303
    file = db.session.scalars(select(Attachment)).one()
    assert (file.name, file.kind, file.language) == ("Årets stöd.docx", "docx", "en")
    assert [path.name for path in files(app)] == [str(file.id)]
    assert stat.S_IMODE(files(app)[0].stat().st_mode) == 0o600
    page = alice.get("/workshops/premortem").text
    path = f"/workshops/premortem/attachments/{file.id}"
    assert f'href="{path}"' in page
    for who, address in ((alice, path), (stina, f"{PREMORTEM}/attachments/{file.id}")):
        got = who.get(address)
        assert got.data == content
        assert got.mimetype == documents.MIMETYPES["docx"]
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert got.headers["Cache-Control"] == "no-store"
        given = got.headers["Content-Disposition"]
        assert given.startswith("attachment; filename=")
        assert "filename*=UTF-8''%C3%85rets%20st%C3%B6d.docx" in given
    assert alice.get(f"/workshops/look-back/attachments/{file.id}").status_code == 404
    assert alice.get(f"/workshops/premortem/attachments/{uuid4()}").status_code == 404
    # The same once more is refused, and so is one too many.
    again = upload(stina, PREMORTEM, "Annat namn.docx", content)
    assert "Filen finns redan här" in again.text
    for n in range(attachments.MOST - 1):
        assert upload(stina, PREMORTEM, f"{n}.pdf", pdf(b"(%d)" % n)).status_code == 303
    full = upload(stina, PREMORTEM, "sist.pdf", pdf(b"(sist)"))
    assert (again.status_code, full.status_code) == (422, 422)
    removal = f"{PREMORTEM}/attachments/{file.id}/removal"
    assert "Årets stöd.docx" in stina.get(removal).text
    assert stina.post(removal).status_code == 303
    assert len(files(app)) == attachments.MOST - 1
    assert alice.get(path).status_code == 404
    # A file that a dead process left goes at night, one that is being added stays.
    folder = attachments.folder_in(app.config["SETTINGS"].instance)
    (folder / "old").write_bytes(b"x")
    (folder / "new").write_bytes(b"x")
    os.utime(folder / "old", (1, 1))
    assert attachments.clear_orphans(folder, clock.now()) == 1
    assert not (folder / "old").exists()


def test_a_draft_that_nobody_read_goes_with_its_files(app: Flask, stina: FlaskClient) -> None:
    begun(stina)
    assert upload(stina, THERE, "a.pdf", pdf()).status_code == 303
    page = stina.get(f"{THERE}/draft/removal").text
    assert "filen som hör till" in page
    data = form_to(page, f"{THERE}/draft/removal")
    assert stina.post(f"{THERE}/draft/removal", data=data).status_code == 303
    assert files(app) == []
    assert stina.get(THERE).status_code == 404


REFUSED = [
    ("a.pdf", word(), "Filen är en DOCX"),
    ("a.docx", word(parts={"a.xml": b"0" * 5_000_000}), "mycket större inuti"),
    ("a.exe", b"MZ", "varken PDF, DOCX eller PPTX"),
    ("a.pdf", pdf(b"<< /S /JavaScript >>"), "makron, skript"),
    ("a.pdf", b"%PDF-1.7" + b"x" * documents.LARGEST, "högst 20 MB"),
    ("", b"", "Välj en fil"),
]


def test_what_is_no_plain_document_is_refused_beside_its_field(
    app: Flask, stina: FlaskClient
) -> None:
    for name, content, says in REFUSED:
        answer = upload(stina, PREMORTEM, name, content)
        assert answer.status_code == 422
        assert says in answer.text
        assert 'id="file-error"' in answer.text
    assert files(app) == []


def test_a_large_body_is_taken_from_whoever_may_send_it_and_from_nobody_else(
    app: Flask, stina: FlaskClient, alice: FlaskClient
) -> None:
    large = b"%PDF-1.7" + b"x" * 3_000_000
    assert upload(stina, PREMORTEM, "a.pdf", large).status_code == 422  # read, and found wanting
    assert upload(stina, PREMORTEM, "a.pdf", b"x" * attachments.LARGEST_BODY).status_code == 413
    app.config["WTF_CSRF_ENABLED"] = True  # the token is looked for before anybody is asked
    assert upload(stina, PREMORTEM, "a.pdf", large).status_code == 400
    for stranger in (alice, app.test_client()):
        assert upload(stranger, PREMORTEM, "a.pdf", large).status_code == 413


@pytest.fixture(autouse=True)
def _caches() -> Iterator[None]:
    yield
    catalogue._shipped.cache_clear()
