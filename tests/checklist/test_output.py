"""What leaves the service: tags stay text, htmx does what templates say, headers hold."""

import csv
import io
import itertools
import json
import re
import secrets
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import delete, select
from werkzeug.test import TestResponse

from tests.browser.conftest import htmx_file
from tests.checklist import world as worlds
from tests.checklist.expectations import EVERYBODY, EXPECTED
from tests.checklist.world import World
from tests.factories import account
from tests.privacy import canary
from tests.routes import ALICE, CHARLIE
from tests.surveys.stories import actor_of, launch, some_answers, team_of, tokens
from tests.surveys.stories import answer as submit
from trustivide.auth.models import User
from trustivide.auth.queries import person as person_of
from trustivide.config import HTMX_INTEGRITY, HTMX_URL
from trustivide.core import clock, inventory
from trustivide.core.db import db, transaction
from trustivide.organisations.models import Membership, Organisation
from trustivide.outbox import worker
from trustivide.surveys import actions as surveys
from trustivide.surveys import anonymity, following_up
from trustivide.surveys import closing as survey_closing
from trustivide.surveys import launching as survey_launching
from trustivide.surveys.catalogue import latest
from trustivide.surveys.models import AgreedAction, ResultShare, Survey
from trustivide.teams.models import Team, TeamMember
from trustivide.web.fragments import go

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates"
TAG = (
    "\"'><kanarie onmouseover=alert(1) hx-get=/x data-hx-post=/y style=color:red>"
    "</textarea></title></script><script>kanarie()</script>{{7*7}}${7*7}=cmd|x"
)
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


@dataclass
class Seen(HTMLParser):
    """The elements and attributes of a page, as a browser would read them."""

    elements: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    urls: list[str] = field(default_factory=list)
    scripts: list[dict[str, str | None]] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.urls += [
            v or "" for n, v in attrs if n in {"href", "src", "action", "formaction", "data"}
        ]
        if tag == "script":
            self.scripts.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        if self.lasttag in {"script", "style"} and data.strip():
            self.inline.append(data)


def read(html: str) -> Seen:
    seen = Seen()
    seen.feed(html)
    seen.close()
    return seen


@dataclass
class Page:
    """One answer of the tour."""

    role: str
    where: str
    answer: TestResponse
    text: str

    @property
    def is_html(self) -> bool:
        return self.answer.mimetype == "text/html"


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[World]:
    """The world, in which everybody who could has written a tag into every field."""
    world = worlds.build(tmp_path_factory.mktemp("tagged"), sqlite_template)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canary, "token", lambda: f"{TAG}{secrets.token_hex(8)}")
        # The log's entries hold our own codes, and the chain numbers them.
        groups = [g for g in inventory.groups() if g.table.name != "audit_entry"]
        patch.setattr(inventory, "groups", lambda: groups)
        # The tag would no longer be an address; these columns hold checked values.
        patch.setattr(canary.EncryptedAddress, "process_bind_param", _as_it_is)
        _tag_everything()
    worker.work(world.app)
    world.remember()
    yield world
    db.session.remove()
    db.engine.dispose()
    world.context.pop()


def _as_it_is(self: object, value: str | None, dialect: object) -> bytes | None:
    return None if value is None else canary.ring().encrypt(value.encode())


def _tag_everything() -> None:
    alice, charlie = account(ALICE), account(CHARLIE)
    survey = db.session.scalars(select(Survey)).one()
    links = list(tokens(survey).values())
    for n, token in enumerate(links[:3]):
        submit(survey, token, seed=n)
    _close_another()
    with transaction() as session:
        before, own = alice.email, actor_of(alice).organisation_id
        canary.fill(session, person_of(alice), charlie)
        # Of the rows that were made one says that she belongs to Charlie's organisation too.
        session.execute(
            delete(Membership).where(
                Membership.user_id == alice.id, Membership.organisation_id != own
            )
        )
        alice.email, alice.phone, alice.locale = before, None, "sv"
        alice.staff_role = alice.totp_secret = None
        for user in session.scalars(select(User)):
            user.name = f"{TAG} {user.email}"
        for organisation in session.scalars(select(Organisation)):
            organisation.name = f"{TAG} AB"
        for team in session.scalars(select(Team)):
            team.name = TAG
        for member in session.scalars(select(TeamMember)):
            member.name = TAG
        session.get_one(Survey, survey.id).message = f"Hej {TAG}\n\n{TAG}"
        survey_launching.remind(session, survey, clock.now())


def _close_another() -> None:
    """A survey of another team with results, in which every comment and note is a tag."""
    again = launch(account(ALICE), team_of(account(ALICE), 6, "Växeln", "erik"))
    for n, token in enumerate(tokens(again).values()):
        answers = some_answers(latest(again.instrument), Random(n))
        answers = {k: TAG if isinstance(v, str) else v for k, v in answers.items()}
        surveys.submit(again.id, token, anonymity.new_receipt_code(), answers)
    with transaction() as session:
        survey_closing.close(session, session.get_one(Survey, again.id), clock.now())
        actor = actor_of(account(ALICE))
        following_up.write_note(session, actor, again, TAG, clock.now())
        following_up.agree(session, actor, again, TAG, None, clock.now())
        following_up.share(session, actor, again, clock.now())


@pytest.fixture(scope="module")
def tour(tagged: World) -> list[Page]:
    """Every page that can be opened, as five people, plain and as parts for htmx."""
    found = []
    for role in ("stranger", "owner", "staff-owner"):
        for rule in tagged.app.url_map.iter_rules():
            expected = EXPECTED[rule.endpoint]
            if "GET" not in (rule.methods or ()) or rule.endpoint == "static":
                continue
            if not expected.reaches(role) or (expected.roles == EVERYBODY and role != "stranger"):
                continue
            path = tagged.path(rule, role)
            found.append(_seen(tagged, role, path, str(rule)))
            if role == "owner":
                found.append(_seen(tagged, role, path, str(rule), HTMX))
    closed = db.session.scalars(select(Survey.id).where(Survey.closed_at.is_not(None))).one()
    agreed = select(AgreedAction.id).where(AgreedAction.survey_id == closed)
    own = f"agreed/{db.session.scalars(agreed).one()}"
    for path in ("", "/note", "/share/removal", f"/{own}", f"/{own}/removal"):
        found.append(_seen(tagged, "owner", f"/surveys/{closed}{path}", "results"))
        assert "&lt;kanarie" in found[-1].text
    link = db.session.scalars(select(ResultShare.token).where(ResultShare.survey_id == closed))
    found.append(_seen(tagged, "stranger", f"/r/{link.one()}", "shared results"))
    assert "&lt;kanarie" in found[-1].text
    return found


def _seen(
    world: World, role: str, path: str, where: str, headers: dict[str, str] | None = None
) -> Page:
    answer = world.open(role, path, headers=headers or {})
    shown = answer.mimetype in {"text/html", "application/json", "text/csv"}
    return Page(role, where + (" by htmx" if headers else ""), answer, answer.text if shown else "")


def test_checklist_27_a_tag_in_every_field_stays_text_on_every_page(tour: list[Page]) -> None:
    escaped = {page.where for page in tour if page.is_html and "&lt;kanarie" in page.text}
    assert len(escaped) > 25, sorted(escaped)
    for page in tour:
        if page.is_html:
            seen = read(page.text)
            assert "kanarie" not in seen.elements, (page.role, page.where)
            assert not [a for a in seen.attributes if a.startswith("on") or a == "style"], (
                page.where
            )
            assert "kanarie()" not in "".join(seen.inline), page.where
            assert not [u for u in seen.urls if u.lower().lstrip().startswith("javascript")]
            assert "kanarie49" not in page.text.replace(" ", "")
            assert "}49$" not in page.text
    assert any("{{7*7}}" in page.text for page in tour)


def test_checklist_27_a_tag_stays_text_in_what_a_form_gives_back(tagged: World) -> None:
    """What was typed is kept when it was wrong: the oldest way for a tag into a page."""
    forms = {
        "/auth/login": {"email": TAG},
        "/auth/register": {"organisation": TAG, "name": TAG, "email": TAG, "number": TAG},
        "/auth/forgot": {"email": TAG},
        "/privacy/find": {"email": TAG},
        "/privacy/receipt": {"receipt": TAG},
        "/s/receipt": {"code": TAG},
        "/teams/": {"name": TAG * 9},
        "/surveys/preview": {"message": TAG, "teams": TAG, "closes_on": TAG, "locale": TAG},
        f"/teams/{tagged.ids['team_id']}/members/preview": {"addresses": f"{TAG}\n{TAG} <a@b>"},
        f"/teams/{tagged.ids['team_id']}/members/{tagged.ids['member_id']}": {"email": TAG},
        "/privacy/requests/new": {"kind": TAG, "text": TAG},
    }
    for path, form in forms.items():
        for query in ({}, {"next": TAG, "q": TAG, "page": TAG}):
            answer = tagged.open("owner", path, "POST", data=form, query_string=query)
            assert answer.status_code in {200, 422}, path
            assert "kanarie" not in read(answer.text).elements, path
            assert not [a for a in read(answer.text).attributes if a.startswith("on")], path
            assert any(word in answer.text for word in ("&lt;kanarie", "&lt;/textarea")), path
    for path in ("/workshops/", "/auth/login", "/nothing/" + TAG, "/privacy/export/schema/" + TAG):
        answer = tagged.open("owner", path, query_string={"q": TAG, "next": TAG, "page": TAG})
        assert "kanarie" not in read(answer.text).elements, path


def _mails(world: World) -> list[EmailMessage]:
    folder = world.app.config["SETTINGS"].instance / "mail"
    return [
        message_from_bytes(path.read_bytes(), policy=default)  # type: ignore[misc]
        for path in sorted(folder.glob("*.eml"))
    ]


def test_checklist_27_a_tag_stays_text_in_mails(tagged: World) -> None:
    with tagged.restored():
        tagged.open("stranger", "/auth/forgot", "POST", data={"email": ALICE})
        form = {"organisation": TAG, "number": "556036-0793", "name": TAG, "agreement": "1"}
        own = {"email": "nina@exempel.test", "password": "smultron under granen"}
        tagged.open("stranger", "/auth/register", "POST", data=form | own)
        tagged.open("stranger", "/auth/register", "POST", data=form | own | {"email": ALICE})
        asked = {"kind": "other", "text": f"Vad vet ni om mig? {TAG}"}
        tagged.open("owner", "/privacy/requests/new", "POST", data=asked)
        worker.work(tagged.app)
    carrying = 0
    for mail in _mails(tagged):
        html = mail.get_body(("html",))
        assert html is not None
        text = html.get_content()
        seen = read(text)
        assert not {"kanarie", "script", "form", "iframe", "img"} & seen.elements
        assert not [a for a in seen.attributes if a.startswith(("on", "hx", "data-hx"))]
        carrying += "&lt;kanarie" in text
        # 34: no header begins with what somebody typed.
        assert set(mail.keys()) <= {
            "Subject",
            "From",
            "To",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "List-Unsubscribe",
            "List-Unsubscribe-Post",
            "MIME-Version",
            "Content-Type",
        }
    assert carrying >= 4


def test_checklist_27_a_tag_stays_text_in_what_is_downloaded(tagged: World) -> None:
    copy = f"/privacy/organisation/{tagged.ids['organisation_id']}/copy"
    with tagged.restored():
        for ask in ("/privacy/export", copy):
            made = tagged.open("owner", ask, "POST")
            worker.work(tagged.app)
            file = f"{copy}/file" if ask == copy else f"{made.location}/file"
            got = tagged.open("owner", file)
            with zipfile.ZipFile(io.BytesIO(got.data)) as archive:
                names = archive.namelist()
                assert not [n for n in names if n.startswith("/") or ".." in n or "\\" in n]
                for name in names:
                    content = archive.read(name).decode("utf-8-sig")
                    if name.endswith(".html"):
                        assert "kanarie" not in read(content).elements, name
                        assert "script" not in read(content).elements, name
                    if name.endswith(".csv"):
                        for row in csv.reader(io.StringIO(content)):
                            assert not [c for c in row if c.startswith(("=", "+", "-", "@"))]
                data = archive.read("data.json").decode()
                assert TAG in json.dumps(json.loads(data), ensure_ascii=False).replace('\\"', '"')


# 28: what htmx may do on a page is what the templates say


def declared() -> set[str]:
    """The hx-* attributes of the templates, written out or as arguments of a macro."""
    found = set()
    for path in TEMPLATES.rglob("*.html"):
        for name in re.findall(r"(?<![\w-])(hx[-_][a-z_:-]+)(?==)", path.read_text()):
            found.add(name.rstrip("_").replace("__", ":").replace("_", "-"))
        for name in re.findall(r'"(hx_[a-z_]+)"', path.read_text()):
            found.add(name.replace("_", "-"))
    return found


def test_checklist_28_pages_carry_the_templates_htmx_attributes_and_no_others(
    tour: list[Page],
) -> None:
    allowed, seen = declared(), set[str]()
    assert not [a for a in allowed if a.startswith(("hx-on", "hx-boost", "hx-headers"))]
    for page in tour:
        if page.is_html:
            own = {a for a in read(page.text).attributes if a.startswith(("hx-", "data-hx", "hx_"))}
            assert own <= allowed, (page.where, own - allowed)
            seen |= own
    assert seen, "the tour came by no htmx at all"
    for path in TEMPLATES.rglob("*.html"):
        assert not re.search(r"data-hx-|hx[-_]on\b|js:", path.read_text()), path


# 29 and 30: scripts


def test_checklist_29_nothing_runs_but_our_scripts_with_this_answers_nonce(
    tour: list[Page],
) -> None:
    nonces = []
    for page in tour:
        header = page.answer.headers["Content-Security-Policy"]
        rules = {r.split()[0]: r.split()[1:] for r in header.split(";") if r.strip()}
        assert rules["default-src"] == ["'none'"], page.where
        assert rules["object-src"] == rules["base-uri"] == ["'none'"]
        assert rules["frame-ancestors"] == ["'none'"]
        assert rules["form-action"] == rules["connect-src"] == rules["style-src"] == ["'self'"]
        (source,) = rules["script-src"]
        nonce = re.fullmatch(r"'nonce-([\w-]{22,})'", source)
        assert nonce
        nonces.append(nonce.group(1))
        assert not re.search(r"unsafe|\*|data:|http:", header)
        for script in read(page.text).scripts if page.is_html else []:
            assert script.get("nonce") == nonce.group(1), page.where
            assert script.get("src"), page.where
        assert page.is_html is False or read(page.text).inline == []
    assert len(set(nonces)) == len(nonces) > 100


def test_checklist_30_htmx_is_pinned_and_knows_what_we_configure(tour: list[Page]) -> None:
    file = htmx_file().decode()  # it has the pinned hash, or there is none
    assert re.fullmatch(r"https://cdn\.jsdelivr\.net/npm/htmx\.org@\d+\.\d+\.\d+/\S+", HTMX_URL)
    loaded = 0
    for page in tour:
        if not page.is_html:
            continue
        for script in read(page.text).scripts:
            if not str(script["src"]).startswith("/static/"):
                loaded += 1
                assert script["src"] == HTMX_URL
                assert script["integrity"] == HTMX_INTEGRITY
                assert script["crossorigin"] == "anonymous"
                assert page.role != "stranger"
    assert loaded > 20
    base = (TEMPLATES / "base.html").read_text()
    found = re.search(r"name=\"htmx-config\" content='([^']+)'", base)
    assert found
    config = json.loads(found.group(1))
    assert config["prefix"] == ""
    assert config["mode"] == "same-origin"
    for key in config:
        assert re.search(rf"[.,{{ ]{key}\b", file), f"htmx knows no {key}"


# 31: redirects


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test",
        "//evil.test",
        "/\\evil.test",
        "/%09/evil.test/../..//evil.test",
        "\t//x",
    ],
)
def test_checklist_31_nobody_is_led_elsewhere_by_htmx_either(tagged: World, target: str) -> None:
    with tagged.restored():
        for path in ("/auth/verify", "/language", "/auth/login"):
            form = {"password": "kantarell i backen", "email": ALICE, "lang": "sv", "next": target}
            led = tagged.open(
                "owner", path, "POST", data=form, query_string={"next": target}, headers=HTMX
            )
            to = led.headers.get("HX-Redirect", "/")
            assert to.startswith("/"), path
            assert not to.startswith(("//", "/\\")), path
            for header in ("HX-Location", "HX-Push-Url", "Refresh", "Location"):
                assert "evil" not in led.headers.get(header, "")


def test_checklist_31_there_is_one_way_to_redirect_and_it_stays_here() -> None:
    for path in (ROOT / "trustivide").rglob("*.py"):
        if path.name != "fragments.py":
            text = path.read_text()
            assert not re.search(r"\bredirect\(|\"Location\"\]\s*=|HX-Redirect\"\]", text), path
    for elsewhere in ("https://evil.test", "//evil.test", "evil.test", ""):
        with pytest.raises(ValueError, match="stay on this site"):
            go(elsewhere)


# 36 and 37: where a change comes from


def _changes(world: World) -> list[tuple[str, str]]:
    found = []
    for rule in world.app.url_map.iter_rules():
        unsafe = set(rule.methods or ()) - {"GET", "HEAD", "OPTIONS"}
        for role in ("owner", "staff-owner", "stranger"):
            if unsafe and EXPECTED[rule.endpoint].reaches(role):
                found.append((role, world.path(rule, role)))
                break
    return found


ONE_CLICK = "/privacy/unsubscribe/"


def test_checklist_36_no_change_without_token_or_from_elsewhere(tagged: World) -> None:
    before, tried = tagged.state(), 0
    tagged.app.config["WTF_CSRF_ENABLED"] = True
    try:
        for role, path in _changes(tagged):
            if path.startswith(ONE_CLICK):
                continue  # a mail program has no token (RFC 8058)
            tried += 1
            for form in ({}, {"csrf_token": _token_of(tagged, "charlie")}):
                answer = tagged.open(role, path, "POST", data=form)
                assert answer.status_code == 400, (path, answer.status)
            # 37: what htmx says of itself opens nothing.
            assert tagged.open(role, path, "POST", headers=HTMX).status_code == 400
    finally:
        tagged.app.config["WTF_CSRF_ENABLED"] = False
    foreign = itertools.cycle(
        (
            {"Origin": "https://evil.test"},
            {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
        )
    )
    for (role, path), headers in zip(_changes(tagged), foreign, strict=False):
        if not path.startswith(ONE_CLICK):
            answer = tagged.open(role, path, "POST", headers=headers | HTMX)
            assert answer.status_code == 400, (path, headers)
    assert tried > 60
    assert tagged.state() == before


_found: dict[str, str] = {}


def _token_of(world: World, role: str) -> str:
    if role not in _found:
        page = world.open(role, "/teams/").text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token
        _found[role] = token.group(1)
    return _found[role]


def test_checklist_37_htmx_headers_grant_nothing(tagged: World) -> None:
    """As who one is follows from the cookie alone, so does what one is sent."""
    pretended = HTMX | {"HX-Boosted": "true", "HX-Current-URL": "http://localhost/admin/"}
    for role, path, to in (
        ("stranger", "/teams/", "/auth/login"),
        ("unproven", "/admin/", "/auth/second-factor"),
        ("stranger", "/privacy/", "/privacy/find"),
    ):
        answer = tagged.open(role, path, headers=pretended)
        assert answer.data == b""
        assert answer.headers["HX-Redirect"].startswith(to)
    for role, path in (("owner", "/admin/"), ("charlie", f"/teams/{tagged.ids['team_id']}")):
        answer = tagged.open(role, path, headers=pretended)
        assert answer.status_code == 404
    # A history entry that is restored is a page of its own, with its frame and headers.
    whole = tagged.open("owner", "/teams/", headers=HTMX | {"HX-History-Restore-Request": "true"})
    assert whole.text.startswith("<!doctype html>")
    part = tagged.open("owner", "/teams/", headers=HTMX)
    assert "<html" not in part.text
    assert "HX-Request" in part.headers["Vary"]
    assert part.headers["Cache-Control"] == "no-store"


# 41: headers


def test_checklist_41_every_answer_carries_its_headers(tagged: World, tour: list[Page]) -> None:
    app = tagged.app
    answers = [(p.where, p.answer) for p in tour]
    answers += [
        ("404", tagged.open("owner", "/nothing")),
        ("405", tagged.open("owner", "/auth/logout")),
        ("405b", tagged.open("owner", "/teams/", "DELETE")),
        ("OPTIONS", tagged.open("owner", "/teams/", "OPTIONS")),
        ("400", tagged.open("owner", "/teams/", "POST", headers={"Origin": "null"})),
        ("413", tagged.open("owner", "/teams/", "POST", data={"name": "x" * 3_000_000})),
        ("422", tagged.open("owner", "/teams/", "POST")),
        ("308", tagged.open("owner", "/teams")),
        ("static", tagged.open("stranger", "/static/css/base.css")),
        ("static404", tagged.open("stranger", "/static/../wsgi.py")),
    ]
    statuses = {answer.status_code for _, answer in answers}
    assert {200, 303, 308, 400, 404, 405, 413, 422} <= statuses
    for where, answer in answers:
        headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff", where
        assert "Content-Security-Policy" in headers, where
        assert headers["Referrer-Policy"] in {"same-origin", "strict-origin", "no-referrer"}, where
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", where
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin", where
        assert "Permissions-Policy" in headers, where
        assert {"HX-Request", "HX-Request-Type", "Cookie"} <= set(answer.vary), where
        for name in ("Server", "X-Powered-By", "Access-Control-Allow-Origin"):
            assert name not in headers or not re.search(r"[\d*]", headers[name]), (where, name)
        if answer.mimetype == "text/html" and where not in {"static404", "308", "OPTIONS"}:
            assert headers.get("Cache-Control") == "no-store", where
    assert app.config["MAX_CONTENT_LENGTH"] <= 2_500_000
