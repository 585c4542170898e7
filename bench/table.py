"""Figures beside their goals: printed as a table, and kept as JSON for whoever compares runs."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One measured value. ``goal`` is in words; ``holds`` is ``None`` where none is set."""

    figure: str
    value: float
    unit: str
    goal: str
    holds: bool | None


def at_least(figure: str, value: float, unit: str, goal: float) -> Figure:
    """A figure that must not be below ``goal``."""
    return Figure(figure, value, unit, f"≥ {_number(goal)}", value >= goal)


def at_most(figure: str, value: float, unit: str, goal: float) -> Figure:
    """A figure that must not be above ``goal``."""
    return Figure(figure, value, unit, f"≤ {_number(goal)}", value <= goal)


def measured(figure: str, value: float, unit: str) -> Figure:
    """A figure without a goal."""
    return Figure(figure, value, unit, "", None)


def report(name: str, figures: Iterable[Figure]) -> bool:
    """Print each figure as it comes, and write all to ``bench/results/<name>.json``.

    Returns whether all goals hold.
    """
    found = []
    for f in figures:
        found.append(f)
        verdict = {True: "holds", False: "MISSED", None: ""}[f.holds]
        print(
            f"{f.figure:<56} {_number(f.value):>10} {f.unit:<7} {f.goal:<9} {verdict}".rstrip(),
            flush=True,
        )
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps([asdict(f) for f in found], ensure_ascii=False, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    return all(f.holds is not False for f in found)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"
