"""The documents say what the code does, and the templates what a page must."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from flask import Flask

from trustivide import config

ROOT = Path(__file__).parent.parent
BUILT_IN = {"run", "shell", "routes", "db"}
"""Commands of Flask and Flask-Migrate."""


@pytest.fixture
def readme() -> str:
    return (ROOT / "README.md").read_text()


def section(text: str, heading: str) -> str:
    """What stands under ``## heading`` up to the next heading of that rank."""
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"no heading '## {heading}'"
    return found.group(1)


def test_the_readme_has_every_setting_and_no_other(readme: str) -> None:
    rows = re.findall(r"^\| `.*$", section(readme, "Settings"), re.MULTILINE)
    assert rows == [
        f"| `{s.name}` | {f'`{s.default}`' if s.default else ''} | {s.documented} |"
        for s in config.SETTINGS
    ]


def test_every_setting_is_read_through_config() -> None:
    allowed = {ROOT / "trustivide" / "config.py"}
    found = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "trustivide").rglob("*.py")
        if path not in allowed
        and re.search(r"getenv|environ(\.get\(|\[)\"(?!PATH\")", path.read_text())
    ]
    assert found == []
    names = [s.name for s in config.SETTINGS]
    assert len(names) == len(set(names))
    assert all(s.meaning for s in config.SETTINGS)


def _commands(group: click.Group, prefix: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}"


def test_the_readme_has_every_command(app: Flask, readme: str) -> None:
    commands = [c for c in _commands(app.cli) if c.split()[0] not in BUILT_IN]
    assert "worker" in commands
    assert [c for c in commands if f"| `{c}` |" not in section(readme, "Commands")] == []


def test_every_command_says_what_it_does(app: Flask) -> None:
    assert [n for n, c in app.cli.commands.items() if n not in BUILT_IN and not c.help] == []


def test_make_targets_exist(readme: str) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", readme, re.MULTILINE))
    assert {"run", "test", "check"} <= named
    makefile = (ROOT / "Makefile").read_text()
    assert [t for t in sorted(named) if not re.search(rf"^{t}:", makefile, re.MULTILINE)] == []


def test_links_between_documents_lead_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    dead = [
        f"{path.relative_to(ROOT)} -> {target}"
        for path in documents
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", path.read_text())
        if not (path.parent / target).exists()
    ]
    assert dead == []


def test_the_changelog_has_unreleased_changes() -> None:
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()
