"""The policy as it stands and as it was, and what changed between two versions."""

import hashlib
import re
import time
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from trustivide.core import inventory
from trustivide.core.activities import ALL
from trustivide.privacy import differences
from trustivide.privacy.differences import ADDED, ADDED_END, REMOVED, REMOVED_END, Piece
from trustivide.rights import legal_texts

TEXTS = Path(legal_texts.__file__).parent / "texts"
PUBLISHED = {
    "privacy-policy-1.sv.md": "201c1cd00c1bf3b2776acd992eb6e7500bd049675a7dda11385338ca01fc72f3",
    "privacy-policy-1.en.md": "193315fb941806d600ec64938d839eb2eeed49b4ca7979ee3d463d4f7926c519",
}
"""SHA-256 of what people have been shown, and records refer to."""
LANGUAGES = pytest.mark.parametrize("language", ["sv", "en"])


def read(client: FlaskClient, path: str, language: str = "sv") -> str:
    answer = client.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200, path
    return answer.text


def test_a_published_version_is_never_edited() -> None:
    for name, known in PUBLISHED.items():
        assert hashlib.sha256((TEXTS / name).read_bytes()).hexdigest() == known, name


@pytest.mark.parametrize(
    ("path", "key"),
    [("/privacy-policy", "privacy-policy"), ("/processing-agreement", "processing-agreement")],
)
@LANGUAGES
def test_a_legal_text_says_its_version_and_since_when(
    client: FlaskClient, path: str, key: str, language: str
) -> None:
    text = legal_texts.current(key, language)
    page = read(client, path, language)
    assert f"<h1>{text.title}</h1>" in page
    assert re.search(rf"[Vv]ersion {text.version}\b", page)
    assert f"{text.valid_from.day} " in page
    assert f"{text.valid_from.year}" in page
    assert "{{" not in page


def test_the_policys_tables_are_read_from_the_inventory(client: FlaskClient) -> None:
    page = read(client, "/privacy-policy")
    for activity in ALL:
        assert activity.legal_basis is not None
        assert activity.retention is not None
        for text in (activity.name, activity.purpose, activity.retention.text):
            assert text.sv in page, activity.key
        for recipient in activity.recipients:
            assert recipient.name.sv in page
            assert recipient.country in page
            assert recipient.ground is None or recipient.ground.sv in page


@LANGUAGES
def test_the_categories_are_read_from_the_inventory(client: FlaskClient, language: str) -> None:
    page = read(client, "/privacy-policy", language)
    for group in inventory.groups():
        assert f'<th scope="row">{group.label.in_(language)}</th>' in page, group.name
        for field in group.fields:
            if field.declared.label:
                assert field.declared.label.in_(language) in page, field.name


def test_secrets_are_categories_whose_value_is_never_shown(client: FlaskClient) -> None:
    page = read(client, "/privacy-policy")
    secrets = [f for g in inventory.groups() for f in g.fields if f.declared.secret]
    for label in ("Lösenord", "Tvåstegsnyckel"):
        assert f"{label} (värdet visas aldrig)" in page
    assert page.count("(värdet visas aldrig)") == len(secrets)


@LANGUAGES
def test_every_thing_that_the_customer_lists_has_its_word(
    client: FlaskClient, language: str
) -> None:
    """§2 of the customer's policy, item by item; names as categories, and no password's value."""
    listed = {
        "sv": "förnamn och efternamn|telefonnummer|e-postadress|organisationsnummer|"
        "organisationens adress|momsregistreringsnummer|köp och fakturor|"
        "datum då kundrelationen började|annat som behövs|lösenord|teamets namn och deltagare|"
        "bjuds in att svara|enkätsvar|nedladdade workshops|sökhistorik",
        "en": "first name and surname|telephone number|e-mail address|organisation number|"
        "organisation's address|VAT number|purchases and invoices|"
        "date on which the customer relationship began|other things needed|password|"
        "team's name and members|invited to answer|survey answers|downloaded workshops|"
        "search history",
    }
    body = legal_texts.current("privacy-policy", language).body
    section = body.split("## 2. ")[1].split("## 3. ")[0]
    assert [item for item in listed[language].split("|") if item not in section] == []


def test_versions_are_listed_and_each_can_be_read_as_it_was(client: FlaskClient) -> None:
    page = read(client, "/privacy-policy/versions")
    for number in legal_texts.versions("privacy-policy"):
        assert f'href="/privacy-policy/{number}"' in page
        text = legal_texts.load("privacy-policy", number, "sv")
        for change in text.changes:
            assert change in page
    first = read(client, "/privacy-policy/1")
    assert "Skriv till oss om du vill läsa avvägningen." in first
    newest = legal_texts.versions("privacy-policy")[-1]
    assert f'href="/privacy-policy/changes/1/{newest}"' in first
    assert "Skriv till oss om du vill läsa avvägningen." not in read(client, "/privacy-policy")
    for nothing in ("/privacy-policy/0", "/privacy-policy/99", "/privacy-policy/changes/1/99"):
        assert client.get(nothing).status_code == 404


@LANGUAGES
def test_a_difference_is_marked_by_elements_and_by_words(
    client: FlaskClient, language: str
) -> None:
    page = read(client, "/privacy-policy/changes/1/2", language)
    before = legal_texts.load("privacy-policy", 1, language)
    after = legal_texts.load("privacy-policy", 2, language)
    added = {"sv": "Vad du laddat ner och sökt efter", "en": "What you have downloaded"}
    removed = {"sv": "Din inloggningsadress ändrar vi åt dig.", "en": "We change your sign-in"}
    assert re.search(rf"<ins>[^§]*?{added[language]}", page)
    assert removed[language] in page
    assert page.count("<ins>") == page.count("</ins>") > 20
    assert page.count("<del>") == page.count("</del>") > 5
    marked = re.sub(r"<p class=\"soft\">.*?</p>", "", page, flags=re.DOTALL)
    words = re.findall(r"<(?:ins|del)>(<span class=.visually-hidden.>[^<]+</span>)?", marked)
    assert all(words)
    for text in (before, after):
        assert f"{text.valid_from.day} " in page
    assert not re.search("[\ue000-\ue003]", page)


def test_two_equal_versions_differ_in_nothing(client: FlaskClient) -> None:
    page = read(client, "/privacy-policy/changes/2/2")
    assert "<ins><span" not in page
    assert "<del><span" not in page


def test_words_paragraphs_and_items_are_compared_and_nothing_is_lost() -> None:
    older = (
        "## 1. Varför\n\nVi säljer inga uppgifter till någon.\n\n- ett\n- två\n\nBort med detta."
    )
    newer = "## 1. Varför\n\nVi säljer aldrig uppgifter till någon.\n\n- ett\n- två\n- tre helt nya"
    assert differences.compare(older, newer) == [
        Piece(False, "## 1. Varför"),
        Piece(
            True,
            f"Vi säljer {REMOVED}inga{REMOVED_END} {ADDED}aldrig{ADDED_END} uppgifter till någon.",
        ),
        Piece(False, "- ett\n- två"),
        Piece(
            True,
            f"- {ADDED}tre helt nya{ADDED_END}\n\n{REMOVED}Bort med detta.{REMOVED_END}",
        ),
    ]


@LANGUAGES
def test_both_versions_can_be_read_out_of_their_difference(language: str) -> None:
    older, newer = (legal_texts.load("privacy-policy", n, language).body for n in (1, 2))
    marked = "\n\n".join(piece.markdown for piece in differences.compare(older, newer))
    for body, other in ((newer, f"{REMOVED}.*?{REMOVED_END}"), (older, f"{ADDED}.*?{ADDED_END}")):
        assert _words(re.sub(other, "", marked, flags=re.DOTALL)) == _words(body)


def _words(text: str) -> list[str]:
    """The words, without marks, and without the dashes that a removed item leaves behind."""
    plain = re.sub("[\ue000-\ue003]", "", text)
    return [word for word in plain.split() if word not in {"-", "##", "###"}]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (["a"] * 20_000, ["a", "b"] * 10_000),
        (["b", *["a"] * 1_000, "c"], ["b", *["a"] * 999, "d", "c"]),
        ([f"x {n} q" for n in range(1_000)], [f"y {n} r" for n in range(1_000)]),
        (["a " * 20_000 + "."], ["a b " * 10_000 + "."]),
    ],
)
def test_texts_that_would_take_hours_to_compare_are_told_apart_at_once(
    older: list[str], newer: list[str]
) -> None:
    began = time.process_time()
    told = list(differences.blocks_compared(older, newer))
    assert time.process_time() - began < 5
    removed, added = f"{REMOVED}.*?{REMOVED_END}", f"{ADDED}.*?{ADDED_END}"
    for lines, other in ((newer, removed), (older, added)):
        left = "\n".join(re.sub(other, "", block, flags=re.DOTALL) for _, block in told)
        assert re.sub("[\ue000-\ue003]", "", left).split() == "\n".join(lines).split()


def test_links_and_bold_words_are_never_cut() -> None:
    older = "Läs [policyn](/privacy-policy) om **vem som** ansvarar för den."
    newer = "Läs [villkoren](/villkor) om **vem som** ansvarar för den."
    (piece,) = differences.compare(older, newer)
    assert f"{REMOVED}[policyn](/privacy-policy){REMOVED_END}" in piece.markdown
    assert f"{ADDED}[villkoren](/villkor){ADDED_END}" in piece.markdown
