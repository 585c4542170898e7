"""What the scanners stand on: every route has an address, every page its forms."""

from flask import Flask

from scan.findings import Allowed, Finding, unexplained
from scan.surface import OUT_OF_BOUNDS, Routes, with_words
from scan.visitor import Form, Page

PAGE = """
<a href="/teams/?page=2">Nästa</a> <a href="https://annan.test/">Bort</a>
<form method="post" action="/teams/">
  <input type="hidden" name="csrf_token" value="t">
  <input name="name"> <textarea name="why">Hej</textarea>
  <input type="radio" name="kind" value="a"> <input type="radio" name="kind" value="b" checked>
  <input type="checkbox" name="on">
  <select name="language"><option value="sv"><option value="en" selected></select>
  <button name="go" value="next">Vidare</button> <button name="go" value="back">Åter</button>
</form>
<form><input name="q"></form>
"""


def test_every_route_has_an_address(app: Flask) -> None:
    routes = Routes.of(app)
    for rule in app.url_map.iter_rules():
        if not OUT_OF_BOUNDS.search(str(rule)):
            address = routes.addresses[f"{rule} {rule.endpoint}"]
            assert "<" not in address, rule
            method = "GET" if "GET" in (rule.methods or ()) else "POST"
            assert routes.endpoint(address, method), f"{address} is no address of {rule}"


def test_a_page_gives_its_forms_as_a_browser_would_send_them() -> None:
    page = Page("/teams/")
    page.feed(PAGE)
    assert page.links == ["/teams/?page=2"]
    first, second = page.forms
    assert (first.method, first.action, second.method) == ("POST", "/teams/", "GET")
    sent = {"csrf_token": "t", "name": "", "why": "Hej", "kind": "b", "on": "on"}
    assert dict(first.fields) == {**sent, "language": "en", "go": "next"}
    assert dict(first.filled(name="Redaktionen"))["name"] == "Redaktionen"
    assert dict(with_words(Form("GET", "/", (("q", ""),)))) == {"q": "förtroende"}


def test_a_finding_counts_unless_it_is_explained() -> None:
    found = Finding("wapiti", "owner", "low", "Clickjacking", "GET /", "X is not set")
    assert unexplained([found], []) == [found]
    assert unexplained([found], [Allowed("Clickjacking", ".*", ".*", "…")]) == []
    assert unexplained([found], [Allowed("Click", ".*", ".*", "…")]) == [found]
