"""What the scanners say: findings, those that are explained, and the table."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

REPORTS = Path(__file__).parent / "reports"
SEVERITIES = ("critical", "high", "medium", "low", "info")


@dataclass(frozen=True)
class Finding:
    """One thing that a scanner holds against the site. ``where`` is method and path."""

    tool: str
    role: str
    severity: str
    kind: str
    where: str
    what: str


@dataclass(frozen=True)
class Run:
    """One scanner as one role: how much it tried, and what it found."""

    tool: str
    role: str
    routes: int
    forms: int
    parameters: int
    findings: Sequence[Finding]
    seconds: float


@dataclass(frozen=True)
class Allowed:
    """Findings that are none, and why. All three are patterns that must match whole."""

    kind: str
    where: str
    what: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Whether it explains ``finding``."""
        return all(
            re.fullmatch(pattern, value, re.DOTALL)
            for pattern, value in (
                (self.kind, finding.kind),
                (self.where, finding.where),
                (self.what, finding.what),
            )
        )


def unexplained(findings: Iterable[Finding], allowed: Sequence[Allowed]) -> list[Finding]:
    """Findings that no entry covers."""
    return [f for f in findings if not any(entry.covers(f) for entry in allowed)]


def report(runs: Sequence[Run], allowed: Sequence[Allowed]) -> bool:
    """Print the table, and write it all to ``scan/reports/summary.json``; whether all is well."""
    head = f"{'tool':<8} {'role':<16} {'routes':>6} {'forms':>6} {'params':>6} {'minutes':>8}  "
    print("\n" + head + " ".join(f"{s:>8}" for s in SEVERITIES) + "  explained")
    wrong: list[Finding] = []
    for run in runs:
        left = unexplained(run.findings, allowed)
        counted = Counter(f.severity for f in left)
        print(
            f"{run.tool:<8} {run.role:<16} {run.routes:>6} {run.forms:>6} {run.parameters:>6} "
            f"{run.seconds / 60:>8.1f}  "
            + " ".join(f"{counted[s]:>8}" for s in SEVERITIES)
            + f"  {len(run.findings) - len(left):>9}"
        )
        wrong += left
    total = sum(run.parameters for run in runs if run.tool == "sqlmap")
    print(f"\nsqlmap tested {total} parameters.")
    for entry in allowed:
        covered = sum(entry.covers(f) for run in runs for f in run.findings)
        print(f"explained, {covered} times: {entry.kind}. {entry.reason}")
    for f in wrong:
        print(f"\n{f.severity.upper()} {f.kind} ({f.tool}, {f.role})\n  {f.where}\n  {f.what}")
    print("\nnothing found" if not wrong else f"\n{len(wrong)} findings")
    REPORTS.mkdir(exist_ok=True)
    text = json.dumps([asdict(run) for run in runs], ensure_ascii=False, indent=1)
    (REPORTS / "summary.json").write_text(text + "\n")
    return not wrong
