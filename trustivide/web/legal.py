"""Legal texts as pages: Markdown, with tables read from the inventory."""

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element  # nosec B405 # builds, and parses nothing

import markdown
from flask import render_template
from markdown.treeprocessors import Treeprocessor
from markupsafe import Markup

from trustivide.core import inventory
from trustivide.core.db import Keep
from trustivide.core.text import Text

TABLE = re.compile(r"\{\{ table:(\w+) \}\}")
"""A placeholder that becomes a table when the text is shown."""


@dataclass(frozen=True)
class Section:
    """What stands under one heading; ``number`` is the heading's, "6.1" say, or empty."""

    number: str
    title: str
    html: Markup


class _CellLabels(Treeprocessor):
    """Tell each cell the heading of its column: on a phone a row becomes a card."""

    def run(self, root: Element) -> None:
        for table in root.iter("table"):
            heads = ["".join(head.itertext()) for head in table.iter("th")]
            for row in table.iter("tr"):
                for head, cell in zip(heads, row.findall("td"), strict=False):
                    cell.set("data-label", head)
                    content = Element("div")
                    content.text, content[:] = cell.text, cell[:]
                    cell.text, cell[:] = None, [content]


def legal_html(body: str) -> Markup:
    """A legal text as HTML; placeholders like ``{{ table:activities }}`` become tables."""
    reader = markdown.Markdown(extensions=["tables"])
    reader.treeprocessors.register(_CellLabels(reader), "cell-labels", 5)
    html = reader.convert(body)
    html = re.sub(f"<p>{TABLE.pattern}</p>", lambda match: _table(match.group(1)), html)
    return Markup(html)  # nosec B704 # noqa: S704  the texts ship with the product


def sections(body: str) -> list[Section]:
    """The text cut before each heading, so that a page can put something beside each part."""
    found = []
    for part in re.split(r"^(?=#{2,3} )", body, flags=re.MULTILINE):
        heading = re.match(r"#{2,3} ((?:(\d+(?:\.\d+)?)\.? )?.*)", part)
        title, number = heading.groups("") if heading else ("", "")
        found.append(Section(number, title, legal_html(part)))
    return found


def _table(name: str) -> str:
    activities = [activity for activity, _ in inventory.record_of_processing()]
    groups = inventory.groups()
    kept: dict[str, dict[Text, None]] = {a.key: {} for a in activities}
    for item in (f for group in groups for f in group.fields):
        if isinstance(item.erase, Keep):
            kept[item.activity.key][item.erase.ground] = None
    return render_template(
        f"web/_table_{name}.html",
        activities=activities,
        groups=groups,
        kept=kept,
        recipients=inventory.recipients(),
    )
