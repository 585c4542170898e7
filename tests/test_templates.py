"""Every template parses, has a title, brings no script or style of its own, and is translated."""

import html
import re
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from tests.conftest import environment
from trustivide import create_app

ROOT = Path(__file__).parent.parent / "templates"
NAMES = sorted(str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.suffix in {".html", ".txt"})
PAGES = [n for n in NAMES if n.endswith(".html") and not n.startswith("mail/")]
KINDS = sorted(p.name for p in (ROOT / "mail").iterdir() if p.is_dir())
FRAMES = {
    "base.html",
    "bare.html",
    "_answering.html",
    "_centre.html",
    "_open.html",
}  # their pages say what they are called
DOWNLOADED = {
    "privacy/_download_style.html",
    "privacy/export_page.html",
    "privacy/hand_back_page.html",
}  # read from disk, without our stylesheets
PARTS = {"subject.txt", "body.txt", "body.html"}

_HOLE = "\0"  # where an expression stands
_NAMES = {"Trustivide"}
_SPOKEN = re.compile(r'\b(?:alt|aria-label|placeholder|title)="([^"]*)"')
_TAG = re.compile(r"<!--.*?-->|<style\b.*?</style>|<[^>]*>", re.DOTALL)
_ADDRESS = re.compile(r"\0/[\w/.-]*")
_WORD = re.compile(r"[^\W\d_]{2,}")


def skeleton(tree: nodes.Node) -> str:
    """A template's own text in order, with a hole for every expression."""
    parts = []
    for output in tree.find_all(nodes.Output):
        parts += [c.data if isinstance(c, nodes.TemplateData) else _HOLE for c in output.nodes]
    return "".join(parts)


def bare_text(source: str) -> list[str]:
    """Words that a person would read or hear, and that no translator would see."""
    spoken = " ".join(_SPOKEN.findall(source))
    read = _ADDRESS.sub(" ", _TAG.sub(" ", source))
    words = _WORD.findall(html.unescape(f"{read} {spoken}"))
    return [word for word in words if word not in _NAMES]


@pytest.fixture(scope="module")
def jinja(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The environment that renders; to look at templates, one for all of them will do."""
    return create_app(environment(tmp_path_factory.mktemp("templates"))).jinja_env


def parse(jinja: Environment, name: str) -> nodes.Template:
    return jinja.parse((ROOT / name).read_text(), name)


@pytest.mark.parametrize("name", NAMES)
def test_a_template_parses_and_every_word_of_it_is_translated(
    jinja: Environment, name: str
) -> None:
    jinja.get_template(name)
    assert bare_text(skeleton(parse(jinja, name))) == []


def test_the_walker_finds_bare_text(jinja: Environment) -> None:
    found = {
        '<p class="lead">{{ _("Spara") }} now</p>': ["now"],
        '<a href="{{ url }}" title="Open it">{{ x }}</a>': ["Open", "it"],
        '<a {% if x %}class="y"{% endif %} href="/teams/">{{ _("Team") }}</a> &nbsp;·': [],
        "{% trans %}Hej{% endtrans %} Trustivide {{ public_url }}/privacy/find": [],
        "{% block content %}{% if x %}<b>yes</b>{% endif %}{% endblock %}": ["yes"],
    }
    for source, words in found.items():
        assert bare_text(skeleton(jinja.parse(source))) == words, source


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_a_title(jinja: Environment, name: str) -> None:
    tree = parse(jinja, name)
    if tree.find(nodes.Extends) is None or Path(name).name in FRAMES:
        return
    (title,) = [block for block in tree.find_all(nodes.Block) if block.name == "title"]
    assert title.find(nodes.Output) is not None


@pytest.mark.parametrize("name", [name for name in PAGES if name not in DOWNLOADED])
def test_a_page_brings_no_script_and_no_style(jinja: Environment, name: str) -> None:
    source = (ROOT / name).read_text()
    for tag in re.findall(r"<script\b[^>]*>", source):
        assert "src=" in tag
        assert "csp_nonce()" in tag
    assert not re.search(r"<style\b|\sstyle\s*=|<[^>]*\son\w+\s*=|javascript:|hx-on|js:", source)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_has_its_three_parts_with_the_same_links(kind: str) -> None:
    assert {p.name for p in (ROOT / "mail" / kind).iterdir()} == PARTS
    subject, text, rich = (
        (ROOT / "mail" / kind / part).read_text() for part in sorted(PARTS)[::-1]
    )
    assert subject.strip().count("\n") == 0
    links = re.compile(r"\{\{ public_url \}\}(?:\{\{ \w+ \}\}|[/\w-]+)")
    assert set(links.findall(rich)) <= set(links.findall(text))
    assert text.strip()
    # Or it is another mail with something on top, as a test is.
    assert re.match(r'\{% extends "mail/(_layout|\w+/body)\.html" %\}', rich)
