"""One process at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other process of this machine is inside for ``folder``, which must exist.

    A process that dies inside lets go, since the lock goes with its open file.
    """
    with (folder / ".lock").open("w") as file:
        flock(file, LOCK_EX)
        yield
