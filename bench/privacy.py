"""What a person with very much data costs: ``python -m bench.privacy``.

One person with 10,000, 100,000 and 1,000,000 searches, really encrypted, in a
database of their own each: how fast and in how much memory a download is
made, how long an erasure takes, how long the overview is on its way. Exports
and erasures run in a process of their own, as the worker's do.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select

from bench.places import Environment, Places, application, places
from bench.table import Figure, at_least, at_most, measured, report
from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.compaction import compact
from trustivide.core.db import db, transaction
from trustivide.organisations import actions as organisations
from trustivide.outbox import jobs
from trustivide.privacy import erasure, export
from trustivide.privacy.models import Erasure, Export
from trustivide.workshops.models import Search

SIZES = (10_000, 100_000, 1_000_000)
OTHERS = 1_000_000
PASSWORD = "kantarell i backen"
ADDRESS, NEIGHBOUR = "alice@exempel.test", "charlie@granne.test"
WORDS = ("förtroende", "premortem", "öppenhet", "retrospektiv", "mötesteknik", "feedback", "tillit")
VIEWS = 9


def customer(address: str, number: str) -> User:
    """A confirmed owner of an organisation. Invented."""
    with transaction() as session:
        user = organisations.register(
            session,
            organisation="Exempel AB",
            number=number,
            name="Alice Alm",
            email=address,
            password=PASSWORD,
            locale="sv",
            marketing=False,
            gpc_seen=False,
            now=clock.now(),
        )
        assert user is not None
        user.confirmed_at = clock.now()
    return user


def fill(user: User, count: int) -> None:
    """``count`` searches of the person's, spread over the time that they are kept."""
    user_id, now = user.id, clock.now()
    table = Search.__table__
    for start in range(0, count, 10_000):
        rows = [_search(user_id, n, count, now) for n in range(start, min(count, start + 10_000))]
        with transaction() as session:
            session.connection().execute(insert(table), rows)  # type: ignore[arg-type]


def _search(user_id: Any, n: int, count: int, now: datetime) -> dict[str, Any]:
    at = now - timedelta(seconds=80 * 86_400 * (n * 7919 % count) / count)
    words = f"{WORDS[n % 7]} {WORDS[n // 7 % 7]} {n}"
    return {"id": uuid4(), "user_id": user_id, "query": words, "at": at}


def peak() -> int:
    """Most memory that this process ever held, in KiB; what it was started from left out."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would repeat the parent's
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1])
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


# What a child process does


def make_export() -> dict[str, float]:
    """Make one download as the worker does: seconds, bytes."""
    user = accounts.by_address(db.session(), ADDRESS)
    assert user is not None
    with transaction() as session:
        export.request(
            session, accounts.person(user), address=ADDRESS, locale="sv", now=clock.now()
        )
    began = time.perf_counter()
    jobs.run_due()
    taken = time.perf_counter() - began
    made = db.session.scalars(select(Export)).one()
    assert made.state == "ready"
    return {"seconds": taken, "bytes": export.path_of(made.id).stat().st_size}


def erase() -> dict[str, float]:
    """Erase the person: seconds without the rebuilding of the file, and of that."""
    user = accounts.by_address(db.session(), ADDRESS)
    assert user is not None
    person = accounts.person(user)
    with transaction() as session:
        erasure.request(session, person, address=ADDRESS, name="", locale="sv", now=clock.now())
    with transaction() as session:
        decided = session.scalars(select(Erasure)).one()
        decided.state, decided.begins_at = "queued", clock.now()
        erasure_id = decided.id
    scrubbing: list[float] = []
    erasure.compact = _timed(compact, scrubbing)
    began = time.perf_counter()
    erasure.run({"id": str(erasure_id)}, clock.now())
    taken = time.perf_counter() - began
    assert db.session.scalars(select(Erasure.state)).one() == "done"
    return {"seconds": taken - sum(scrubbing), "scrubbing": sum(scrubbing)}


def _timed(work: Callable[[], None], into: list[float]) -> Callable[[], None]:
    def timed() -> None:
        began = time.perf_counter()
        work()
        into.append(time.perf_counter() - began)

    return timed


TASKS = {"export": make_export, "erase": erase}


def in_child(task: str, environment: Environment) -> dict[str, float]:
    """Run one of :data:`TASKS` in a fresh process; what it measured, with its ``peak`` in KiB."""
    answer = subprocess.run(
        [sys.executable, "-m", "bench.privacy", "--task", task],
        input=json.dumps(environment),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    measured_there: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return measured_there


def child(task: str) -> None:
    """The other end of :func:`in_child`."""
    with application(json.loads(sys.stdin.read())):
        done = TASKS[task]()
    print(json.dumps({**done, "peak": peak()}))


# What is measured


def view(environment: Environment) -> float:
    """Median server time of the overview in milliseconds, after one visit to warm up."""
    with application(environment) as app:
        client = app.test_client()
        client.post("/auth/login", data={"email": ADDRESS, "password": PASSWORD})
        taken = []
        for _ in range(VIEWS + 1):
            db.session.remove()
            began = time.perf_counter()
            assert client.get("/privacy/").status_code == 200
            taken.append(time.perf_counter() - began)
    return 1000 * statistics.median(taken[1:])


def _filled(where: Places, count: int, others: int = 0) -> Environment:
    environment = where.fresh()
    with application(environment):
        fill(customer(ADDRESS, "556016-0680"), count)
        if others:
            fill(customer(NEIGHBOUR, "556036-0793"), others)
        if db.engine.dialect.name == "postgresql":  # what autovacuum does in a while
            compact()
    return environment


def figures(where: Places, sizes: tuple[int, ...]) -> Iterator[Figure]:
    """Every figure of the bench, as it is measured."""
    empty = in_child("export", _filled(where, 0))
    yield measured("download of an empty account: peak memory", empty["peak"] / 1024, "MiB")
    erased = {}
    for count in sizes:
        environment = _filled(where, count)
        if count == sizes[-1]:
            yield at_most(f"overview with {count:,} rows", view(environment), "ms", 300)
        made = in_child("export", environment)
        yield at_least(
            f"download of {count:,} rows: speed", count / made["seconds"], "rows/s", 50_000
        )
        yield at_most(f"download of {count:,} rows: peak memory", made["peak"] / 1024, "MiB", 150)
        more = (made["peak"] - empty["peak"]) / 1024
        yield at_most(f"download of {count:,} rows: more than an empty one", more, "MiB", 20)
        yield measured(
            f"download of {count:,} rows: size of the file", made["bytes"] / 2**20, "MiB"
        )
        gone = in_child("erase", environment)
        erased[count] = gone["seconds"]
        yield measured(f"erasure of {count:,} rows", gone["seconds"], "s")
        yield measured(f"erasure of {count:,} rows: speed", count / gone["seconds"], "rows/s")
        yield measured(f"erasure of {count:,} rows: peak memory", gone["peak"] / 1024, "MiB")
        yield measured(f"erasure of {count:,} rows: rebuilding the file", gone["scrubbing"], "s")
    if len(sizes) > 1:
        small, large = sizes[-2], sizes[-1]
        ratio = erased[large] / erased[small] / (large / small)
        yield at_most(f"erasure of {large:,} against {small:,}, per row", ratio, "times", 1.5)
        beside = in_child("erase", _filled(where, small, OTHERS))
        ratio = beside["seconds"] / erased[small]
        yield at_most(f"erasure of {small:,} beside {OTHERS:,} of others", ratio, "times", 1.5)


def main() -> None:
    """Measure, print the table, and exit 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.privacy", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 rows only")
    parser.add_argument(
        "--postgresql", action="store_true", help="TEST_DATABASE_URL, or a server from a wheel"
    )
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task:
        child(given.task)
        return
    with places(postgresql=given.postgresql) as where:
        name = "privacy-postgresql" if given.postgresql else "privacy"
        held = report(name, figures(where, SIZES[:1] if given.quick else SIZES))
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()
