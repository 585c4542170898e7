"""The method page says what the code computes, in both languages, to anybody."""

import re

from flask import Flask
from flask.testing import FlaskClient

from trustivide.core import clock
from trustivide.core.clock import day_of
from trustivide.core.db import transaction
from trustivide.surveys.models import Reliability


def text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.split("<main", 1)[1]).split())


def test_the_method_page_is_public_and_shows_our_own_numbers(
    app: Flask, client: FlaskClient
) -> None:
    page = text(client.get("/surveys/method").text)
    for n, half, one in [
        (5, "0,99", "0,80"),
        (7, "0,74", "0,57"),
        (10, "0,57", "0,40"),
        (15, "0,44", "0,27"),
        (20, "0,37", "0,20"),
    ]:
        assert f"{n} ± {half} {one}" in page
    assert "omkring 0,93" in page
    assert page.count("Visas från 100 svar och 5 organisationer.") == 2
    for source in ("Student (1908)", "Welch", "Lindell", "Cronbach", "Mayer", "McAllister"):
        assert source in page

    with transaction() as session:
        session.add(
            Reliability(
                instrument="tillit-i-team",
                version=1,
                computed_on=day_of(clock.now()),
                answer_sets=1234,
                organisations=17,
                alphas={"care": 0.81, "overall": 0.94},
            )
        )
    page = text(client.get("/surveys/method").text)
    assert re.search(r"på minst 1.234 svar från minst 17 organisationer", page)
    assert "Omtanke 0,81 Alla delar tillsammans 0,94" in page
    assert page.count("Visas från 100 svar och 5 organisationer.") == 1
    assert 'href="/surveys/method"' in client.get("/s/how-it-works").text
