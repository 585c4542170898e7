"""``make scan``: wapiti as every role, sqlmap on every parameter; exits 1 on a finding.

Both attack only the sites that this starts on localhost, and that end with it:
two of them, each for half of the roles, since a scanner waits for its site.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from scan.allowed import ALLOWED
from scan.findings import report
from scan.part import scan
from scan.people import ROLES

SITES = 2


def main() -> int:
    """Run what was asked for and print the table; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scan", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer attacks: a look, no verdict")
    parser.add_argument("--only", choices=["wapiti", "sqlmap"], help="one of the two")
    parser.add_argument("--role", action="append", choices=ROLES, help="may be repeated")
    asked = parser.parse_args()
    roles = [role for role in ROLES if not asked.role or role in asked.role]
    parts = [part for n in range(SITES) if (part := roles[n::SITES])]
    work = partial(scan, quick=asked.quick, only=asked.only)
    with ProcessPoolExecutor(SITES, mp_context=get_context("spawn")) as pool:
        done = [run for runs in pool.map(work, parts) for run in runs]
    done.sort(key=lambda run: (run.tool != "wapiti", ROLES.index(run.role)))
    return 0 if report(done, ALLOWED) else 1


if __name__ == "__main__":
    sys.exit(main())
