"""What answering costs, and what comes of it: ``python -m bench.surveys``.

People answer over HTTP, 1, 8 and 32 at a time, on SQLite and on PostgreSQL. In
turns with them others fill in a bare Flask page that does one durable INSERT
under the same server (:mod:`bench.bare`): their ratio holds on any machine. Then
a survey is answered by fifty at once with one link, two products of different
age are compared, and surveys of up to 100,000 answer sets are closed and read.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import func, select

from bench import stored
from bench.places import Environment, Places, application, places
from bench.privacy import ADDRESS, PASSWORD, customer, peak
from bench.respondents import Answer, Browser, asked
from bench.serving import ROOT, Server, serving
from bench.table import Figure, at_least, at_most, measured, report
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.organisations.models import Organisation
from trustivide.surveys import closing
from trustivide.surveys.models import AnswerSet, Survey

PARALLEL = (1, 8, 32)
SIZES = (100, 10_000, 100_000)
AGES = (2_000, 50_000)
VIEWS = 9
SHARE = 0.45
"""What part of the bare page's ceiling a completed answer is to reach."""
WORST = {"sqlite": 10, "postgresql": 5}
"""How many medians the slowest of a hundred submits may take."""


@dataclass(frozen=True)
class Effort:
    """How much is measured: rounds, answers in each for every one at a time, sizes."""

    rounds: int
    answers: int
    sizes: tuple[int, ...]
    ages: tuple[int, ...]


FULL = Effort(rounds=5, answers=160, sizes=SIZES, ages=AGES)
QUICK = Effort(rounds=1, answers=16, sizes=SIZES[:1], ages=())


@dataclass
class Series:
    """What several rounds of one kind told. Rates are completed answers."""

    per_second: list[float] = field(default_factory=list)
    per_cpu: list[float] = field(default_factory=list)
    requests_per_cpu: list[float] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    submitted: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def round(self, server: Server, kind: str, tokens: list[str], parallel: int) -> None:
        """One round: all of ``tokens`` answer."""
        before = server.cpu()
        told = clients(kind=kind, port=server.port, tokens=tokens, parallel=parallel)
        cpu = server.cpu() - before
        completed = len(told["submitted"])
        self.per_second.append(completed / told["seconds"])
        self.per_cpu.append(completed / cpu)
        self.requests_per_cpu.append(told["requests"] / cpu)
        for name in ("opened", "pages", "submitted", "errors"):
            getattr(self, name).extend(told[name])

    @property
    def completed(self) -> int:
        """Successes that clients saw."""
        return len(self.submitted) - len(self.errors)


def clients(**asked_for: Any) -> Any:
    """What :mod:`bench.respondents` tells, in a process of its own."""
    answer = subprocess.run(
        [sys.executable, "-m", "bench.respondents"],
        cwd=ROOT,
        input=json.dumps(asked_for),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(answer.stdout)


def percentile(values: list[float], percent: int) -> float:
    """The value that so many percent don't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def organisation() -> Organisation:
    """Alice's."""
    customer(ADDRESS, "556016-0680")
    return db.session.scalars(select(Organisation)).one()


# Answering


def bare_of(environment: Environment) -> Environment:
    """Where the bare page stores: the same server or disk, never the product's own tables."""
    url = environment.get("DATABASE_URL")
    if url is None:
        return environment
    base, _, query = url.partition("?")
    name = f"{base.rsplit('/', 1)[1]}_bare"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")  # type: ignore[call-overload]
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
    other = f"{base.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")
    return {**environment, "DATABASE_URL": other}


def answering(where: Places, database: str, effort: Effort) -> Iterator[Figure]:
    """Throughput and times beside the bare page's; what is stored; weight; memory."""
    environment = where.fresh()
    needed = effort.rounds * effort.answers * len(PARALLEL) + len(PARALLEL)
    with application(environment):
        survey = stored.survey(organisation(), needed + 2)
        tokens = stored.invite(survey, needed + 2)
        survey_id = survey.id
    bare_environment = bare_of(environment)
    subprocess.run(
        [sys.executable, "-c", "from bench import bare; bare.create()"],
        cwd=ROOT,
        env={**os.environ, **bare_environment},
        check=True,
    )
    completed = 0
    with (
        serving("wsgi:app", environment) as server,
        serving("bench.bare:create_app()", bare_environment) as bare,
    ):
        yield from weight(server, tokens.pop(), database)
        for parallel in PARALLEL:
            ours, theirs = Series(), Series()
            completed += _warm(server, bare, tokens.pop())
            for _ in range(effort.rounds):
                theirs.round(bare, "bare", [""] * (4 * effort.answers), parallel)
                mine = [tokens.pop() for _ in range(effort.answers)]
                ours.round(server, "survey", mine, parallel)
            completed += ours.completed
            yield from compared(f"{database}, {parallel} at a time", database, ours, theirs)
        yield at_most(f"{database}: memory of the web tier", server.memory(), "MiB", 150)
        statuses = clients(port=server.port, token=tokens.pop(), parallel=50, together=True)
        stored_once = float(statuses.count(200))
        yield exactly(f"{database}: fifty submits of one link stored", stored_once, 1)
    with application(environment):
        counted = db.session.execute(
            select(func.count(), func.count(AnswerSet.slot.distinct())).where(
                AnswerSet.survey_id == survey_id
            )
        ).one()
    seen = completed + int(stored_once)
    yield exactly(f"{database}: answer sets for {seen:,} successes", counted[0], seen)
    yield exactly(f"{database}: slots taken for {seen:,} successes", counted[1], seen)


def _warm(server: Server, bare: Server, token: str) -> int:
    clients(kind="bare", port=bare.port, tokens=["", ""], parallel=2)
    told = clients(kind="survey", port=server.port, tokens=[token], parallel=1)
    return len(told["submitted"]) - len(told["errors"])


def exactly(figure: str, value: float, goal: float) -> Figure:
    """A number that must be this one."""
    return Figure(figure, value, "", f"{goal:,.0f}", value == goal)


def compared(name: str, database: str, ours: Series, theirs: Series) -> Iterator[Figure]:
    """The figures of one number of people at a time."""
    middle = statistics.median
    yield measured(f"{name}: completed answers", middle(ours.per_second), "/s")
    yield measured(f"{name}: bare page", middle(theirs.per_second), "/s")
    yield measured(f"{name}: completed answers", middle(ours.per_cpu), "/CPU-s")
    yield measured(f"{name}: bare page", middle(theirs.per_cpu), "/CPU-s")
    share = [a / b for a, b in zip(ours.per_cpu, theirs.per_cpu, strict=True)]
    yield at_least(f"{name}: share of the bare page's", middle(share), "", SHARE)
    each = zip(ours.requests_per_cpu, theirs.requests_per_cpu, strict=True)
    yield measured(f"{name}: the same, request for request", middle(a / b for a, b in each), "")
    for what, times in (("open", ours.opened), ("page", ours.pages), ("submit", ours.submitted)):
        for percent in (50, 95, 99):
            yield measured(f"{name}: {what} p{percent}", percentile(times, percent), "ms")
    slowest = percentile(ours.submitted, 99) / percentile(ours.submitted, 50)
    yield at_most(f"{name}: submit p99 in medians", slowest, "times", WORST[database])
    yield exactly(f"{name}: errors", len(ours.errors) + len(theirs.errors), 0)
    for error in ours.errors[:3]:
        print(f"  {error}", flush=True)


def weight(server: Server, token: str, database: str) -> Iterator[Figure]:
    """How heavy the page with the first questions is, and what it loads beside itself."""
    browser = Browser(server.port)
    intro = browser.shown(browser.get(f"/s/{token}"))
    page = _questions(browser, intro)
    loaded = set(re.findall(r'<(?:link rel="[a-z]+"|script) (?:href|src)="([^"]+)"', page.text))
    files = [len(browser.get(path).text.encode()) for path in loaded]
    browser.close()
    html = len(page.text.encode())
    yield at_most(f"{database}: HTML of the first questions", html / 1000, "kB", 20)
    yield at_most(f"{database}: requests beside it", len(files), "", 3)
    yield at_most(f"{database}: unpacked in all", (html + sum(files)) / 1000, "kB", 50)


def _questions(browser: Browser, page: Answer) -> Answer:
    while not asked(page.text):
        onward = re.search(r'<a class="button[^"]*" href="(/s/survey/[^"]*)"', page.text)
        assert onward is not None
        page = browser.get(onward[1])
    return page


# Growing


def growing(where: Places, database: str, effort: Effort) -> Iterator[Figure]:
    """Answering while few are stored against answering while many are, in turns."""
    with ExitStack() as stack:
        asked_of: list[tuple[Server, list[str]]] = []
        for age in effort.ages:
            environment = where.fresh()
            with application(environment):
                survey = stored.survey(organisation(), age + 1000)
                stored.answer(survey, age)
                tokens = stored.invite(survey, effort.rounds * effort.answers + 1)
            server = stack.enter_context(serving("wsgi:app", environment))
            clients(kind="survey", port=server.port, tokens=[tokens.pop()], parallel=1)
            asked_of.append((server, tokens))
        series = [Series() for _ in asked_of]
        for _ in range(effort.rounds):
            for (server, tokens), told in zip(asked_of, series, strict=True):
                mine = [tokens.pop() for _ in range(effort.answers)]
                told.round(server, "survey", mine, 8)
    few, many = series
    for kept, told in zip(effort.ages, series, strict=True):
        rate = statistics.median(told.per_second)
        yield measured(f"{database}: answers while {kept:,} are stored", rate, "/s")
    ratio = statistics.median(b / a for a, b in zip(few.per_second, many.per_second, strict=True))
    name = f"{database}: {effort.ages[1]:,} stored against {effort.ages[0]:,}"
    yield at_least(name, ratio, "times", 0.95)
    ratio = statistics.median(b / a for a, b in zip(few.per_cpu, many.per_cpu, strict=True))
    yield at_least(f"{name}, per CPU-second", ratio, "times", 0.95)


# Closing and reading


def close_and_read(environment: Environment, survey_id: UUID) -> dict[str, float]:
    """What a child process does: close, then read the results; seconds, peak KiB, milliseconds."""
    with application(environment) as app:
        began = time.perf_counter()
        frozen = closing.freeze(db.session(), db.session.get_one(Survey, survey_id))
        computed = time.perf_counter()
        with transaction() as session:
            closing.close(session, session.get_one(Survey, survey_id), clock.now(), frozen)
        ended, memory = time.perf_counter(), peak()
        db.session.remove()
        client = app.test_client()
        client.post("/auth/login", data={"email": ADDRESS, "password": PASSWORD})
        taken = []
        for _ in range(VIEWS + 1):
            db.session.remove()
            before = time.perf_counter()
            assert client.get(f"/surveys/{survey_id}").status_code == 200
            taken.append(1000 * (time.perf_counter() - before))
    return {
        "seconds": ended - began,
        "locked": ended - computed,
        "peak": memory,
        "read": statistics.median(taken[1:]),
    }


def closings(where: Places, database: str, sizes: tuple[int, ...]) -> Iterator[Figure]:
    """Surveys of each size are closed, and their results read."""
    read = []
    for size in sizes:
        environment = where.fresh()
        with application(environment):
            survey = stored.survey(organisation(), size)
            stored.answer(survey, size)
            survey_id = survey.id
        told = _in_child(environment, survey_id)
        read.append(told["read"])
        yield measured(f"{database}: closing {size:,} answer sets", told["seconds"], "s")
        yield at_most(f"{database}: closing {size:,}, others wait", told["locked"], "s", 2)
        yield measured(f"{database}: closing {size:,}, peak memory", told["peak"] / 1024, "MiB")
        yield at_most(f"{database}: results page of {size:,}", told["read"], "ms", 20)
    if len(read) > 1:
        flat = read[-1] / read[0]
        yield at_most(f"{database}: results page, largest to smallest", flat, "times", 1.5)


def _in_child(environment: Environment, survey_id: UUID) -> dict[str, float]:
    answer = subprocess.run(
        [sys.executable, "-m", "bench.surveys", "--close", str(survey_id)],
        cwd=ROOT,
        input=json.dumps(environment),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    told: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return told


def figures(effort: Effort, databases: list[str]) -> Iterator[Figure]:
    """Every figure of the bench, as it is measured."""
    for database in databases:
        with places(postgresql=database == "postgresql") as where:
            yield from answering(where, database, effort)
            if effort.ages:
                yield from growing(where, database, effort)
            yield from closings(where, database, effort.sizes)


def main() -> None:
    """Measure, print the table, and exit 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.surveys", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, the smallest size")
    parser.add_argument("--only", choices=WORST, help="one database rather than both")
    parser.add_argument("--close", type=UUID, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.close:
        print(json.dumps(close_and_read(json.load(sys.stdin), given.close)))
        return
    databases = [given.only] if given.only else list(WORST)
    held = report("surveys", figures(QUICK if given.quick else FULL, databases))
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()
