"""Web and worker start together, also the very first time."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path
from uuid import uuid4

from tests.conftest import environment, execute, named
from trustivide import create_app
from trustivide.rights.ledger import Ledger


def _start(ready: Barrier, folders: list[Path]) -> None:
    for folder in folders:
        ready.wait(60)
        create_app(environment(folder))


def _open(ready: Barrier, ledgers: list[str]) -> None:
    for url in ledgers:
        ready.wait(60)
        Ledger(url).engine.dispose()


def _together(what: Callable[..., None], places: list[Path] | list[str]) -> list[int | None]:
    several = multiprocessing.get_context("spawn")
    ready = several.Barrier(3)
    started = [several.Process(target=what, args=(ready, places)) for _ in range(3)]
    for process in started:
        process.start()
    for process in started:
        process.join(120)
    return [process.exitcode for process in started]


def test_processes_that_start_together_on_an_empty_folder_all_start(tmp_path: Path) -> None:
    assert _together(_start, [tmp_path / str(n) for n in range(6)]) == [0, 0, 0]


def test_machines_that_start_together_on_an_empty_ledger_all_start(postgres_server: str) -> None:
    names = [f"ledger_{uuid4().hex}" for _ in range(4)]
    for name in names:
        execute(postgres_server, f"CREATE DATABASE {name}")
    urls = [named(postgres_server, name) for name in names]
    urls = [url.replace("postgresql://", "postgresql+psycopg://") for url in urls]
    assert _together(_open, urls) == [0, 0, 0]
    for name in names:
        execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")
