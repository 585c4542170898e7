"""Running a module of ours as a short process of its own, for what mustn't stay in memory."""

import os
import subprocess  # nosec B404 # only ever our own modules
import sys
from pathlib import Path

_ROOT = Path(__file__).parent.parent.parent
_SECONDS = 30


def run(module: str, *arguments: str, given: bytes = b"") -> bytes:
    """What ``python -m module arguments`` answers to ``given``, without the service's secrets.

    Raises :class:`subprocess.SubprocessError` if it fails or takes longer than 30 seconds.
    """
    done = subprocess.run(  # nosec B603 # noqa: S603  (callers name their own modules)
        [sys.executable, "-m", module, *arguments],
        input=given,
        stdout=subprocess.PIPE,
        check=True,
        cwd=_ROOT,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONUTF8": "1"},
        timeout=_SECONDS,
    )
    return done.stdout
