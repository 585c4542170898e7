"""Alice adds people from a file: read as it is, shown first, and added as it was shown."""

import io
import re
import time
import zipfile
from contextlib import suppress
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from sqlalchemy import select

from tests.conftest import both_databases
from tests.factories import account, colleague, customer, sign_in
from tests.surveys.stories import team_of
from trustivide.core import clock, tables
from trustivide.core.db import db
from trustivide.core.tables import Unreadable
from trustivide.teams import member_files
from trustivide.teams.member_files import Listing
from trustivide.teams.models import TeamMember
from trustivide.web.forms import clean_address

PEOPLE = {"dora@exempel.test": "Dora Öberg", "erik@exempel.test": "Erik Ek"}


def sheet(*rows: tuple[Any, ...], merge: str = "") -> bytes:
    book = Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    if merge:
        book.worksheets[0].merge_cells(merge)
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


def listing(content: bytes, *already: str) -> Listing:
    return member_files.read(content, set(already), clean_address)


def refusal(content: bytes) -> tuple[str, str]:
    with pytest.raises(Unreadable) as refused:
        listing(content)
    return refused.value.reason, refused.value.place


def members() -> dict[str, str | None]:
    db.session.rollback()
    return {m.email: m.name for m in db.session.scalars(select(TeamMember))}


def hand_in(client: FlaskClient, team: str, content: bytes, name: str = "lista.csv") -> Any:
    data = {"file": (io.BytesIO(content), name)}
    return client.post(f"{team}/members/file", data=data, content_type="multipart/form-data")


def sealed(page: str) -> dict[str, str]:
    found = re.search(r'name="people" value="([^"]+)"', page)
    assert found
    return {"people": found[1]}


@pytest.fixture
def team(app: Flask, client: FlaskClient) -> str:
    """Where Alice's team is; she is signed in."""
    team = team_of(customer(), 1)
    sign_in(client)
    return f"/teams/{team.id}"


# The story


@both_databases
def test_alice_looks_through_a_file_and_adds_who_could_be_read(
    client: FlaskClient, team: str
) -> None:
    content = (
        "Förnamn;Efternamn;E-post\r\n"
        "Dora;Dahl;dora@exempel.test\r\n"
        "\r\n"
        "Erik;Ek;erik(at)exempel.test\r\n"
        "Dora;Dahl;DORA@exempel.test\r\n"
        "Redan;Här;dora1@exempel.test\r\n"
        "Åsa;Ål;åsa@exempel.test\r\n"
        "Fia;=1+1;fia@exempel.test\r\n"
        '"<b>Gun</b>";;gun@exempel.test\r\n'
    )
    page = hand_in(client, team, content.encode("cp1252"))
    assert page.status_code == 422
    assert page.headers["Cache-Control"] == "no-store"
    rows = [
        [re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<td.*?>(.*?)</td>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", page.text, re.DOTALL)
    ]
    told = {row[0]: row[1:] for row in rows if row}
    assert told["2"] == ["dora@exempel.test", "Dora Dahl"]
    assert told["9"] == ["gun@exempel.test", "&lt;b&gt;Gun&lt;/b&gt;"]
    assert told["4"][1] == "Det finns ingen e-postadress på raden."
    assert told["5"][1] == "Adressen står redan på rad 2."
    assert told["6"][1] == "Personen finns redan i teamet."
    assert told["7"][1].startswith("Före @")
    assert told["8"][1] == "Cellen räknas fram av en formel."
    assert all(row[2] for number, row in told.items() if number not in "29")
    assert "Ingenting är sparat än" in page.text
    assert "2 personer kan läggas till. 5 rader läggs inte till" in page.text
    assert list(members()) == ["dora1@exempel.test"]

    for _twice in range(2):
        added = client.post(f"{team}/members/from-file", data=sealed(page.text))
        assert added.location == team
    assert members() == {
        "dora1@exempel.test": None,
        "dora@exempel.test": "Dora Dahl",
        "gun@exempel.test": "<b>Gun</b>",
    }
    again = hand_in(client, team, b"dora@exempel.test\n")
    assert again.status_code == 200
    assert "finns redan i teamet" in again.text
    assert "from-file" not in again.text


def test_what_was_shown_is_alices_for_this_team_and_an_hour(
    app: Flask, client: FlaskClient, team: str
) -> None:
    page = hand_in(client, team, b"dora@exempel.test\n").text
    carried = sealed(page)
    assert "dora" not in carried["people"]
    other = f"/teams/{team_of(account('alice@exempel.test'), 0, name='Andra').id}"
    colleague(account("alice@exempel.test"), "leader")
    bob = sign_in(app.test_client(), "bob@exempel.test")
    customer("Charlie", "charlie@annan.test", number="556036-0793", organisation="Annan AB")
    charlie = sign_in(app.test_client(), "charlie@annan.test")
    forged = {"people": carried["people"][:-8] + "AAAAAAA="}
    for who, where, what in (
        (client, other, carried),
        (bob, team, carried),
        (client, team, forged),
        (client, team, {"people": "å"}),
        (client, team, {}),
    ):
        assert who.post(f"{where}/members/from-file", data=what).status_code == 303
    assert charlie.post(f"{team}/members/from-file", data=carried).status_code == 404
    assert hand_in(charlie, team, b"dora@exempel.test\n").status_code == 404
    with time_machine.travel(clock.now() + member_files.VALID_FOR + timedelta(seconds=5)):
        late = client.post(f"{team}/members/from-file", data=carried, follow_redirects=True)
    assert "Ladda upp filen igen" in late.text
    assert list(members()) == ["dora1@exempel.test"]


def test_the_template_is_read_as_it_is_filled_in(client: FlaskClient, team: str) -> None:
    assert 'href="/teams/members.xlsx"' in client.get(team).text
    got = client.get("/teams/members.xlsx")
    assert 'filename="personer.xlsx"' in got.headers["Content-Disposition"]
    book = load_workbook(io.BytesIO(got.data))
    assert refusal(got.data) == ("empty", "")
    book.worksheets[0].append(("dora@exempel.test", "Dora", "Dahl"))
    held = io.BytesIO()
    book.save(held)
    assert listing(held.getvalue()).new == {"dora@exempel.test": "Dora Dahl"}


def test_ten_thousand_rows_take_seconds(client: FlaskClient, team: str) -> None:
    rows = [(f"person{n}@exempel.test", f"Förnamn{n} Efternamn{n}") for n in range(10_000)]
    content = "E-post,Namn\n" + "".join(f"{email},{name}\n" for email, name in rows)
    begun = time.process_time()
    page = hand_in(client, team, content.encode())
    added = client.post(f"{team}/members/from-file", data=sealed(page.text))
    assert time.process_time() - begun < 9  # three on a machine of 2026
    assert added.status_code == 303
    assert len(members()) == 10_001
    assert refusal((content + "p@exempel.test,P\n").encode()) == ("too_many_rows", "")
    few = [(name, email) for email, name in rows[:1_000]]
    assert len(listing(sheet(("Namn", "E-post"), *few)).people) == 1_000


def test_a_file_stays_in_memory(app: Flask) -> None:
    large = {"file": (io.BytesIO(b"x" * 1_900_000), "lista.csv")}
    with app.test_request_context("/", method="POST", data=large) as context:
        assert isinstance(context.request.files["file"].stream, io.BytesIO)


# How people save their lists


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_a_csv_file_is_read_as_it_was_saved(encoding: str, between: str) -> None:
    rows = [("Namn", "Ort", "E-post")]
    rows += [(name, '"Ö, ""x"""', email) for email, name in PEOPLE.items()]
    text = "\r\n".join(between.join(row) for row in rows)
    assert listing(text.encode(encoding)).new == PEOPLE


@pytest.mark.parametrize(
    "content",
    [
        "E-MAIL ADDRESS,First Name,Surname\n"
        "dora@exempel.test,Dora,Öberg\nerik@exempel.test,Erik,Ek",
        "efternamn;förnamn;e_post\nÖberg;Dora;dora@exempel.test\nEk;Erik;erik@exempel.test",
        "dora@exempel.test;Dora Öberg\nerik@exempel.test;Erik Ek",
        "Dora,Öberg,dora@exempel.test\nErik,Ek,erik@exempel.test",
        "Mejl\nDora Öberg <dora@exempel.test>\nErik Ek <erik@exempel.test>",
        "sep=,\nMail,Full name\ndora@exempel.test,Dora Öberg\nerik@exempel.test,Erik Ek",
        "\n\nE-post;Namn;Telefon;Ort\n\ndora@exempel.test;Dora\u00a0Öberg;1;2\n"
        "\u200berik@exempel.test ; Erik  Ek;3",
    ],
)
def test_columns_are_found_by_name_or_by_what_is_in_them(content: str) -> None:
    assert listing(content.encode()).new == PEOPLE


def test_a_workbook_is_known_by_what_is_in_it_and_numbers_are_names_too() -> None:
    rows = [(), ("Namn", "Född", "E-post"), *[(n, 1980.5, e) for e, n in PEOPLE.items()]]
    assert listing(sheet(*rows)).new == PEOPLE
    found = listing(sheet((7, "sju@exempel.test"), ("=A1", "x@exempel.test"), ("x", "=B1")))
    assert [(p.number, p.name) for p in found.people] == [(1, "7")]
    assert [(row.number, row.problem) for row in found.left] == [(2, "computed"), (3, "computed")]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("Dora;", "no_address"),
        ("Dora;dora@exempel", "not_an_address"),
        ("Dora;a@exempel.test, b@exempel.test", "several"),
        ("a@exempel.test;b@exempel.test", "several"),
        ("Dora;Dora dora@exempel.test", "run_together"),
        ("x" * 121 + ";dora@exempel.test", "long_name"),
        ("Dora;dörte@exempel.test", "not_ascii"),
        ('="Dora";dora@exempel.test', "computed"),
        ("Dora;ok@exempel.test", "twice"),
        ("Dora;here@exempel.test", "known"),
    ],
)
def test_a_row_says_what_is_wrong_with_it(row: str, problem: str) -> None:
    found = listing(f"Namn;E-post\n;ok@exempel.test\n{row}\n".encode(), "here@exempel.test")
    assert [(left.number, left.problem) for left in found.left] == [(3, problem)]
    assert bool(found.to_mend) == (problem != "known")
    assert list(found.new) == ["ok@exempel.test"]


# What is refused as a whole


def repacked(content: bytes, **parts: bytes) -> bytes:
    """A workbook with some of its parts exchanged."""
    held = io.BytesIO()
    old = zipfile.ZipFile(io.BytesIO(content))
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            given = parts.get(name.rsplit("/", 1)[-1].split(".")[0])
            new.writestr(name, old.read(name) if given is None else given)
    return held.getvalue()


GOOD = sheet(("dora@exempel.test", "Dora"))
ROW = b'<row r="%b"><c r="A1" t="inlineStr"><is><t>a@exempel.test</t></is></c></row>'
SHEET = (
    b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    b"<sheetData>%b</sheetData></worksheet>"
)
LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>'
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'


@cache
def refused() -> dict[str, tuple[bytes, str]]:
    """Files by what they are, with the reason why they are refused."""
    return {
        "empty": (b"", "empty"),
        "blank": (b" \n;;\n\t\n", "empty"),
        "header only": (b"E-post;Namn\n", "empty"),
        "large": (b"x" * 2_000_001, "too_large"),
        "picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "no_table"),
        "pdf": (b"%PDF-1.7\n\x01\x02", "no_table"),
        "odd utf-16": (b"a\0b", "no_table"),
        "old": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"W" * 500, "old_excel"),
        "locked": (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "locked",
        ),
        "locked zip": (
            GOOD.replace(b"PK\x01\x02\x14\x03\x14\0\0", b"PK\x01\x02\x14\x03\x14\0\1"),
            "locked",
        ),
        "cut": (GOOD[: len(GOOD) // 2], "broken"),
        "other zip": (repacked(b"PK\x05\x06" + b"\0" * 18) or b"", "no_table"),
        "merged": (
            sheet(("a@exempel.test", "A"), ("b@exempel.test", "B"), merge="A1:A2"),
            "merged",
        ),
        "bomb": (repacked(GOOD, sheet1=b" " * 30_000_000), "too_large"),
        "elements": (repacked(GOOD, sheet1=SHEET % (b"<c/>" * 2_100_000)), "too_large"),
        "laughs": (repacked(GOOD, sheet1=LAUGHS), "broken"),
        "laughing strings": (repacked(GOOD, workbook=LAUGHS), "broken"),
        "outside": (repacked(GOOD, sheet1=OUTSIDE), "broken"),
        "quotes": (b'E-post;Namn\na@exempel.test;"Anna', "quotes"),
        "no column": (b"Namn;Telefon\nDora;1\n", "no_addresses"),
        "no address": (b"Dora;1\n", "no_addresses"),
        "two columns": (b"E-post;Mail\na@exempel.test;b@exempel.test\n", "twice_named"),
        "no header": (b"a;b;c;d@exempel.test\n", "no_header"),
    }


def test_what_is_no_list_is_refused() -> None:
    for kind, (content, reason) in refused().items():
        begun = time.process_time()
        assert refusal(content)[0] == reason, kind
        assert time.process_time() - begun < 5, kind


def test_a_row_far_away_does_not_fill_the_way_there() -> None:
    content = repacked(GOOD, sheet1=SHEET % (ROW % b"999999999999"))
    assert refusal(content) == ("empty", "")
    begun = time.process_time()
    blank = SHEET % (b"<row/>" * 30_001)
    assert refusal(repacked(GOOD, sheet1=blank)) == ("too_many_rows", "")
    assert listing(repacked(GOOD, sheet1=SHEET % (ROW % b"1048576"))).people[0].number == 1_048_576
    assert time.process_time() - begun < 10


def test_a_refused_file_is_told_beside_the_field(
    app: Flask, client: FlaskClient, team: str
) -> None:
    reasons = {reason for _, reason in refused().values()} | {"too_many_rows", "much_text"}
    answers = {kind: hand_in(client, team, content) for kind, (content, _) in refused().items()}
    assert {answer.status_code for answer in answers.values()} == {422}
    assert "låst med lösenord" in answers["locked"].text
    assert "Cellerna A1:A2 är sammanfogade" in answers["merged"].text
    assert "Kolumnerna heter Namn, Telefon." in answers["no column"].text
    assert "Välj en fil." in client.post(f"{team}/members/file").text
    assert all('id="file-error"' in answer.text for answer in answers.values())
    assert len(reasons) == 13


def test_too_much_text_for_one_page_is_told(monkeypatch: pytest.MonkeyPatch, app: Flask) -> None:
    monkeypatch.setattr(member_files, "LONGEST_SEALED", 100)
    alice = customer()
    with pytest.raises(Unreadable, match="much_text"):
        member_files.seal(PEOPLE | {"x" * 200: "y"}, alice.id, alice.id, clock.now())


@given(st.binary(max_size=400))
def test_no_file_is_too_odd_to_be_answered(content: bytes) -> None:
    for handed_in in (content, b"PK\x03\x04" + content):
        with suppress(Unreadable):
            assert all("@" in person.address for person in listing(handed_in).people)


def test_a_table_is_read_up_to_its_limits() -> None:
    assert len(tables.read(b"x\n" * tables.MOST_ROWS)) == tables.MOST_ROWS
