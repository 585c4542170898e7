"""How a row belongs to a person, and what a person has proven to be."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

from trustivide.core import crypto

USAGE_DAYS = 90
"""Days for which usage rows are kept."""


@dataclass(frozen=True)
class Person:
    """The identities that somebody has proven; the rows that these reach are theirs.

    ``addresses`` are normalised e-mail addresses; ``code`` is the digest of a
    receipt code, ``cookie`` that of a draft's cookie. An empty person reaches
    nothing.
    """

    user_id: UUID | None = None
    addresses: frozenset[str] = field(default_factory=frozenset)
    code: bytes | None = None
    cookie: bytes | None = None

    @classmethod
    def of(cls, user_id: UUID | None = None, *addresses: str) -> "Person":
        """A person known by account, by addresses, or by both."""
        return cls(user_id, frozenset(crypto.normalise_address(a) for a in addresses))

    @property
    def address_digests(self) -> frozenset[bytes]:
        """Digests of every proven address under every digest key."""
        ring = crypto.ring()
        return frozenset(d for a in self.addresses for d in ring.digests(a))

    @property
    def references(self) -> frozenset[bytes]:
        """Every pseudonymous reference under which rights records may stand."""
        own: Iterable[bytes] = ()
        if self.user_id is not None:
            own = crypto.ring().digests(self.user_id.bytes, "user")
        return self.address_digests | frozenset(own)

    def pseudonyms(self, today: date) -> frozenset[bytes]:
        """What stands for the account in usage rows, for each month that rows are kept from."""
        days = (today - timedelta(days=n) for n in range(USAGE_DAYS + 1))
        first_of_months = {day.replace(day=1) for day in days}
        return frozenset(p for month in first_of_months for p in self.pseudonyms_in(month))

    def pseudonyms_in(self, month: date) -> tuple[bytes, ...]:
        """What may stand for the account in the usage rows of the month that the day lies in.

        Under every digest key, the current one first. Nothing without an account.
        """
        if self.user_id is None:
            return ()
        return crypto.ring().digests(self.user_id.bytes + f"{month:%Y-%m}".encode(), "usage")

    @property
    def reference(self) -> bytes:
        """The reference under which a new rights record is written.

        The account where there is one: an address may change, an account's id
        never does. Raises :class:`ValueError` for a person known by code only.
        """
        ring = crypto.ring()
        if self.user_id is not None:
            return ring.digest(self.user_id.bytes, "user")
        if self.addresses:
            return ring.digest(min(self.addresses))
        raise ValueError("a person known by code alone has no reference")


@dataclass(frozen=True)
class Link:
    """Names the column that ties a row, or one column of it, to a person."""

    column: str


class ByUser(Link):
    """The column holds an account's id."""


class ByEmail(Link):
    """The column holds the keyed digest of an e-mail address."""


class ByReference(Link):
    """The column holds a pseudonymous reference (see :attr:`Person.reference`)."""


class ByCode(Link):
    """The column holds the digest of a receipt code."""


class ByCookie(Link):
    """The column holds the digest of a cookie."""


class ByPseudonym(Link):
    """The column holds a pseudonym of one month (see :meth:`Person.pseudonyms`)."""


class Via(Link):
    """The column is a foreign key to a row whose subject is this row's subject too."""
