"""What the worker can do: composers of mail, handlers of jobs, things done every minute.

Features are registered by create_app, so that the worker knows none of them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from trustivide.core.subjects import Person

NIGHT = time(2, 30)
"""When the nightly duties begin, in UTC."""

Composer = Callable[[Session, dict[str, Any]], dict[str, Any] | None]
"""Turns a mail's parameters into its template's context; ``None`` means "don't send".

A context may have an :class:`Enclosure` as ``enclosed``, which goes with the mail."""


@dataclass(frozen=True)
class Enclosure:
    """A calendar file to go with a mail, with its ``method`` (RFC 5546 §1.4).

    ``make`` is called when the mail is sent, with the addresses of who sends and who gets it.
    """

    name: str
    method: str
    make: Callable[[str, str, datetime], bytes]


Handler = Callable[[dict[str, str], datetime], None]
"""Does a job. It is called again from the start after a crash, so each of its
steps must be recorded and repeatable."""


@dataclass
class Registry:
    """``traceless`` kinds of mail leave no row behind, whatever became of them.

    ``person_of`` says who has an address: a consent given with an account counts
    for mail to the account's address. ``gave_up`` hears of a job that is tried no more.
    """

    composers: dict[str, Composer] = field(default_factory=dict)
    person_of: Callable[[Session, str], Person] = lambda session, address: Person.of(None, address)
    traceless: set[str] = field(default_factory=set)
    unsubscribe: Callable[[str, str], str] | None = None
    handlers: dict[str, Handler] = field(default_factory=dict)
    gave_up: dict[str, Handler] = field(default_factory=dict)
    every_minute: list[Callable[[datetime], object]] = field(default_factory=list)
    every_night: list[Callable[[datetime], object]] = field(default_factory=list)


registry = Registry()


def job_id(params: dict[str, str], name: str = "id") -> UUID:
    """An id out of a job's parameters."""
    return UUID(params[name])
