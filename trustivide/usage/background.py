"""Writing uses down beside the pages: once a minute, when there are many, and at the end."""

import atexit
import logging
import os
from threading import Event, Lock, Thread

from flask import Flask

from trustivide.core import clock
from trustivide.core.db import transaction
from trustivide.usage import actions
from trustivide.usage.buffer import Buffer, Use

log = logging.getLogger(__name__)

EVERY = 60.0
"""Seconds between two times of writing down."""
_AT_THE_END = 20.0
"""Seconds that a process which ends waits for the last; SQLite waits 15 for a lock."""


class Notebook:
    """Notes uses in memory, and writes them down in one short transaction, in a thread of its own.

    No request waits for that, and none that only reads writes. A process that crashes
    loses the uses of its last minute: they are statistics, and nobody misses a row. What
    can't be written (a database that is locked or gone) is tried again a minute later.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._buffer = Buffer()
        self.writes_in_background = False
        self._starting = Lock()
        self._started_in: int | None = None
        self._wake = Event()
        self._ending = False

    def write_in_background(self) -> None:
        """From the first use on, write down by itself.

        From the first use only: gunicorn may load the application and fork then, and
        threads stay behind. Commands, which use nothing, never have the thread.
        """
        self.writes_in_background = True

    def note(self, use: Use) -> None:
        """Count one use. Takes microseconds, and touches no database."""
        full = self._buffer.note(use)
        if self.writes_in_background and self._started_in != os.getpid():
            self._start()
        if full:
            self._wake.set()

    def write(self) -> None:
        """Write down what was noted so far; what can't be written is kept for the next time."""
        uses = self._buffer.take()
        if not uses:
            return
        try:
            with self._app.app_context(), transaction() as session:
                actions.record(session, uses, clock.now())
        except Exception:
            self._buffer.give_back(uses)
            log.exception("uses could not be written down")

    def _start(self) -> None:
        with self._starting:
            if self._started_in == os.getpid():
                return
            self._started_in = os.getpid()
            thread = Thread(target=self._run, name="usage", daemon=True)
            thread.start()
            atexit.register(self._end, thread)

    def _run(self) -> None:
        while not self._ending:
            self._wake.wait(EVERY)
            self._wake.clear()
            self.write()

    def _end(self, thread: Thread) -> None:
        self._ending = True
        self._wake.set()
        thread.join(_AT_THE_END)
