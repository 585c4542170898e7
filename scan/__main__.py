"""``make scan``: wapiti as every role, sqlmap on every parameter; exits 1 on a finding.

Both attack only the site that this starts on localhost, and that ends with it.
"""

import argparse
import os
import sys

from flask import Flask

from scan import wapiti
from scan.allowed import ALLOWED
from scan.endpoint import listening
from scan.findings import Run, report
from scan.people import Secrets, seed, visitors
from scan.site import running
from scan.surface import Routes


def main() -> int:
    """Run what was asked for and print the table; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scan", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer attacks: a look, no verdict")
    parser.add_argument("--only", choices=["wapiti", "sqlmap"], help="one of the two")
    parser.add_argument("--role", action="append", help="only as this role; may be repeated")
    asked = parser.parse_args()
    secrets, routes = Secrets({}), list[Routes]()
    runs: list[Run] = []

    def fill(app: Flask) -> None:
        seed(secrets)(app)
        routes.append(Routes.of(app))

    with running(fill) as site, listening() as endpoint:
        site.keep("seeded")
        for role, enter in visitors(site, secrets):
            if asked.role and role not in asked.role:
                continue
            visitor = enter()
            surface = routes[0].walk(visitor)
            if asked.only != "sqlmap":
                run = wapiti.scan(site, routes[0], surface, visitor, endpoint, quick=asked.quick)
                runs.append(run)
                print(
                    f"wapiti {role}: {run.seconds:.0f} s, {len(run.findings)} findings", flush=True
                )
            site.restore("seeded")
    return 0 if report(runs, ALLOWED) else 1


if __name__ == "__main__":
    os.nice(5)
    sys.exit(main())
