"""A web server of one's own for a bench, and what its processes cost."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.places import Environment

ROOT = Path(__file__).parent.parent
WORKERS, THREADS = 2, 8


@dataclass(frozen=True)
class Server:
    """gunicorn on localhost with two workers; ids of its processes, and of PostgreSQL's."""

    port: int
    process: int
    database: int | None

    def cpu(self) -> float:
        """Seconds of processor time that web and database have used so far."""
        parents = [pid for pid in (self.process, self.database) if pid is not None]
        return sum(_cpu(pid) for parent in parents for pid in _family(parent))

    def memory(self) -> float:
        """MiB that the web processes hold together, each shared page counted once (PSS)."""
        return sum(_held(pid) for pid in _family(self.process)) / 1024


def _family(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [parent, *map(int, children)]


def _cpu(pid: int) -> float:
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, stat[11:13])) / os.sysconf("SC_CLK_TCK")


def _held(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1])


@contextmanager
def serving(module: str, environment: Environment) -> Iterator[Server]:
    """Start gunicorn with ``module`` (``wsgi:app``, say); gone afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    # The bare page is another application, served with the same processes and threads.
    how = "gunicorn.conf.py" if module == "wsgi:app" else os.devnull
    command = [sys.executable, "-m", "gunicorn", "--config", how, "--worker-class", "gthread"]
    command += ["--workers", str(WORKERS), "--threads", str(THREADS), "--no-control-socket"]
    command += ["--bind", f"127.0.0.1:{port}", module]
    log = Path(environment["INSTANCE_PATH"]) / "web.log"
    with log.open("w") as lines:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment, "WEB_CONCURRENCY": str(WORKERS)},
            stdout=lines,
            stderr=lines,
        )
    try:
        _wait_for(port, log)
        yield Server(port, process.pid, _postmaster(environment))
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(port: int, log: Path) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/"):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the server never answered: {log.read_text()}")


def _postmaster(environment: Environment) -> int | None:
    """The parent of PostgreSQL's processes, where they run on this machine."""
    if "DATABASE_URL" not in environment:
        return None
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        stat = Path(f"/proc/{row[0]}/stat")
        return int(stat.read_text().rpartition(")")[2].split()[1]) if stat.exists() else None
