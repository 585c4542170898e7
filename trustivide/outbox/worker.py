"""The worker process: Huey wakes it, the rows tell it what to do."""

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from flask import Flask
from huey import RedisHuey, SqliteHuey, crontab
from huey.api import Huey
from huey.consumer import Consumer
from huey.serializer import SignedSerializer

from trustivide.core import clock
from trustivide.core.db import db
from trustivide.outbox import actions
from trustivide.outbox.delivery import deliver_due
from trustivide.outbox.jobs import run_due
from trustivide.outbox.registry import NIGHT, registry

log = logging.getLogger(__name__)


def work(app: Flask) -> int:
    """Do all that is due now, and return how many mails and jobs that was.

    A job may queue mail and a mail never queues a job, hence the order.
    """
    with app.app_context():
        return run_due() + deliver_due(app)


def tick(app: Flask) -> None:
    """What the clock asks for (closing surveys, say), then everything that is due."""
    with app.app_context():
        for duty in registry.every_minute:
            _guarded(duty)
    work(app)


def night(app: Flask) -> None:
    """The nightly duties: what retention lets go."""
    with app.app_context():
        for duty in registry.every_night:
            _guarded(duty)


def _guarded(duty: Callable[[datetime], object]) -> None:
    """One failing duty must not keep the others from being done."""
    try:
        duty(clock.now())
    except Exception:
        log.exception("a scheduled duty failed")
        db.session.rollback()


def queue_file(app: Flask) -> Path | None:
    """Where the queue lies; ``None`` when Redis keeps it."""
    settings = app.config["SETTINGS"]
    return None if settings.redis_url else Path(settings.instance) / "queue.db"


def init_app(app: Flask) -> None:
    """Connect the queue, and let every commit that queued something wake the worker."""
    file = queue_file(app)
    # Huey pickles, and reading a foreign pickle runs it: what we didn't sign is not read.
    how = {"results": False, "serializer": SignedSerializer(secret=app.config["SECRET_KEY"])}
    queue: Huey = (
        SqliteHuey("trustivide", filename=str(file), **how)
        if file
        else RedisHuey("trustivide", url=app.config["SETTINGS"].redis_url, **how)
    )
    app.extensions["queue"] = queue

    @queue.task()
    def wake_up() -> None:
        work(app)

    @queue.periodic_task(crontab(minute="*"))
    def every_minute() -> None:
        tick(app)

    @queue.periodic_task(crontab(hour=str(NIGHT.hour), minute=str(NIGHT.minute)))
    def every_night() -> None:
        night(app)

    def wake() -> None:
        try:
            wake_up()
        except Exception:
            # The row is committed; the worker's next minute finds it.
            log.exception("the worker could not be woken")

    actions.install_wake(wake)


def run(app: Flask, workers: int = 2) -> None:
    """Run the consumer until it is told to stop."""
    try:
        tick(app)
    except Exception:
        log.exception("the first round failed; the next minute tries again")
    Consumer(app.extensions["queue"], workers=workers, max_delay=1.0).run()
