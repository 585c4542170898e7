"""Whether a stopwatch tells who has an account: ``python -m bench.timing``.

Signing in, registering, resetting a password and asking for a privacy link, 200
times each with an address that has an account and with one that nobody has, in
turns, against a running server and its worker. A difference counts when it is
larger than a few percent and a Mann–Whitney test would see it in one of a
hundred runs by chance at most. The answers must be the same, too.
"""

import argparse
import re
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from flask import Flask
from scipy.stats import mannwhitneyu

from bench.table import Figure, measured, report
from scan.site import Site, running
from scan.visitor import Answer, Form, Visitor
from trustivide.auth import actions as auth
from trustivide.core import clock
from trustivide.core.db import transaction

TRIES = 200
NOTICEABLE = 3.0  # percent of the median
BY_CHANCE = 0.01
PEOPLE = 20
PASSWORD = "kantarell i backen"


def known(n: int) -> str:
    """The address of somebody with an account; as long as a stranger's."""
    return f"anna{n % PEOPLE:04}@exempel.test"


def unknown(n: int) -> str:
    """An address that nobody has, tried as often as a known one."""
    return f"elsa{n % PEOPLE:04}@exempel.test"


def unheard(n: int) -> str:
    """An address that was never tried: registering makes it known."""
    return f"nora{n:04}@exempel.test"


@dataclass(frozen=True)
class Point:
    """A form that must not tell who has an account, and what is typed beside the address."""

    name: str
    page: str
    stranger: Callable[[int], str] = unknown
    typed: dict[str, str] = field(default_factory=dict)


REGISTRATION = {"organisation": "Exempel AB", "number": "556036-0793", "name": "Anna Ask"}
POINTS = (
    Point("sign-in", "/auth/login", typed={"password": "inte det rätta lösenordet"}),
    Point(
        "register",
        "/auth/register",
        unheard,
        {**REGISTRATION, "password": PASSWORD, "agreement": "y"},
    ),
    Point("reset", "/auth/forgot"),
    Point("privacy link", "/privacy/find"),
)


def people(_: Flask) -> None:
    """Confirmed accounts. Invented."""
    for n in range(PEOPLE):
        with transaction() as session:
            user = auth.create_user(
                session,
                email=known(n),
                name="Anna Ask",
                password=PASSWORD,
                locale="sv",
                now=clock.now(),
            )
            user.confirmed_at = clock.now()


def figures(site: Site, tries: int) -> Iterator[Figure]:
    """Every figure of the bench, as it is measured."""
    for point in POINTS:
        with_account, without, alike = timed(site, point, tries)
        for who, times in (("known", with_account), ("unknown", without)):
            yield measured(f"{point.name}, {who}: median", statistics.median(times), "ms")
            yield measured(f"{point.name}, {who}: 90 %", statistics.quantiles(times, n=10)[8], "ms")
        middle = statistics.median(without)
        more = (statistics.median(with_account) - middle) / middle * 100
        p = float(mannwhitneyu(with_account, without).pvalue)
        told = abs(more) > NOTICEABLE and p < BY_CHANCE
        yield measured(f"{point.name}: Mann–Whitney p", p, "")
        yield Figure(f"{point.name}: known takes longer by", more, "%", "unseen", not told)
        yield Figure(f"{point.name}: answers that are alike", alike, "of 1", "1", alike == 1)


def timed(site: Site, point: Point, tries: int) -> tuple[list[float], list[float], float]:
    """Milliseconds for known and unknown addresses, and the share of pairs answered alike."""
    random = Random(point.name)
    times: dict[bool, list[float]] = {True: [], False: []}
    alike = 0
    visitor = Visitor(site.host, point.name)
    form = _form(visitor, point)
    jar = dict(visitor.cookies)
    for n in range(-5, tries):  # the first warm caches and are not counted
        said: dict[bool, tuple[object, ...]] = {}
        for has_account in random.sample([True, False], 2):
            address = known(n) if has_account else point.stranger(n + 5)
            visitor.cookies = dict(jar)
            fields = form.filled(email=address, **point.typed)
            began = time.perf_counter()
            answer = visitor.post(form.action, fields)
            took = (time.perf_counter() - began) * 1000
            said[has_account] = _told(visitor, answer, address)
            if n >= 0:
                times[has_account].append(took)
        if n >= 0:
            alike += said[True] == said[False]
    return times[True], times[False], alike / tries


def _form(visitor: Visitor, point: Point) -> Form:
    forms = visitor.get(point.page).page().forms
    return next(f for f in forms if {"email", *point.typed} <= {*f.names})


def _told(visitor: Visitor, answer: Answer, address: str) -> tuple[object, ...]:
    """All that an answer says, without what is random in each: date, nonce, tokens, the address."""
    headers = sorted(
        (name, _plain(value, address))
        for name, value in answer.headers.items()
        if name not in {"Date", "Set-Cookie"}
    )
    cookies = sorted(visitor.cookies)
    page = visitor.follow(answer)
    return answer.status, headers, cookies, page.path, _plain(page.text, address)


def _plain(text: str, address: str) -> str:
    tokens = r'nonce="[^"]+"|nonce-[\w-]+|name="csrf_token" value="[^"]+"'
    return re.sub(tokens, "", text.replace(address, ""))


def main() -> None:
    """Measure, print the table and the verdict, and exit 1 where a form tells."""
    parser = argparse.ArgumentParser(prog="python -m bench.timing", description=__doc__)
    parser.add_argument("--tries", type=int, default=TRIES)
    given = parser.parse_args()
    with running(people) as site:
        held = report("timing", figures(site, given.tries))
    print("No form tells who has an account." if held else "A form tells who has an account.")
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()
