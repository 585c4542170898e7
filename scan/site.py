"""A Trustivide of one's own on localhost: fresh database, web server, worker; gone afterwards."""

import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask

from bench.places import application, places

ROOT = Path(__file__).parent.parent
_KEPT = ("trustivide.db", "ledger.db")


@dataclass
class Site:
    """A running Trustivide. ``url`` is its address, ``folder`` its instance folder.

    Scanners press every button, "delete" included: :meth:`keep` notes how the
    databases stand and :meth:`restore` puts them back, under the running site.
    """

    url: str
    folder: Path
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def host(self) -> str:
        """Host and port."""
        return self.url.removeprefix("http://")

    def keep(self, mark: str) -> None:
        """Note how the databases stand, under the name ``mark``."""
        with self._turn:
            for name in _KEPT:
                _copy(self.folder / name, self.folder / f"{name}.{mark}")

    def restore(self, mark: str) -> None:
        """Put the databases back as they stood at ``mark``."""
        with self._turn:
            for name in _KEPT:
                _copy(self.folder / f"{name}.{mark}", self.folder / name)

    @contextmanager
    def restoring(self, mark: str, every: float) -> Iterator[None]:
        """Meanwhile, put the databases back every so many seconds, and once at the end."""
        ended = threading.Event()

        def again() -> None:
            while not ended.wait(every):
                self.restore(mark)

        thread = threading.Thread(target=again, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self.restore(mark)


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        for attempt in range(100):
            try:
                old.backup(new)
                return
            except sqlite3.OperationalError:  # somebody writes just now
                if attempt == 99:
                    raise
                time.sleep(0.05)


@contextmanager
def running(
    seed: Callable[[Flask], None], *, worker: bool = True, entry: str = "scan.wsgi:app"
) -> Iterator[Site]:
    """Start a site that ``seed`` has filled. Its cookies are those of a service behind TLS."""
    with places(postgresql=False) as made:
        port = _free_port()
        environ = {**made.fresh(), "PUBLIC_URL": f"https://localhost:{port}"}
        with application(environ) as app:
            seed(app)
        folder = Path(environ["INSTANCE_PATH"])
        web = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--workers", "2"]
        web += ["--threads", "4", "--no-control-socket", "--bind", f"127.0.0.1:{port}"]
        commands = {"web": [*web, entry]}
        if worker:
            commands["worker"] = [sys.executable, "-m", "flask", "--app", "scan.wsgi", "worker"]
        with _processes(commands, {**os.environ, **environ}, folder):
            site = Site(f"http://localhost:{port}", folder)
            _wait_for(f"{site.url}/healthz", folder / "web.log")
            yield site


@contextmanager
def _processes(
    commands: dict[str, list[str]], environ: dict[str, str], logs: Path
) -> Iterator[None]:
    started = []
    try:
        for name, command in commands.items():
            with (logs / f"{name}.log").open("w") as log:
                started.append(
                    subprocess.Popen(  # noqa: S603  our own words
                        command, cwd=ROOT, env=environ, stdout=log, stderr=log
                    )
                )
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, log: Path) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(url):  # noqa: S310  our own server
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} never answered: {log.read_text()}")
