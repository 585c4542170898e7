"""Uses in the memory of one process, until they are written down together."""

from collections.abc import Mapping
from datetime import date
from threading import Lock
from typing import NamedTuple
from uuid import UUID

FULL = 2_000
"""Different uses from which on they should be written down soon."""
_MOST = 2 * FULL


class Use(NamedTuple):
    """Somebody, a day, and the kind of page or function that they used."""

    user_id: UUID
    day: date
    kind: str


class Buffer:
    """Counts uses. Any thread may note; whoever takes gets what was noted so far, once.

    Bounded: while nothing can be written, uses that aren't among the first few thousand
    different ones are left out. Statistics may lack them; the process may not grow.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: dict[Use, int] = {}

    def note(self, use: Use) -> bool:
        """Count one use; whether the buffer is so full that it should be taken soon."""
        with self._lock:
            self._add(use, 1)
            return len(self._counts) >= FULL

    def take(self) -> Mapping[Use, int]:
        """What was noted, which is no longer here then."""
        with self._lock:
            taken, self._counts = self._counts, {}
        return taken

    def give_back(self, counts: Mapping[Use, int]) -> None:
        """Count again what was taken and couldn't be written down."""
        with self._lock:
            for use, n in counts.items():
                self._add(use, n)

    def _add(self, use: Use, n: int) -> None:
        if use in self._counts:
            self._counts[use] += n
        elif len(self._counts) < _MOST:
            self._counts[use] = n
