"""Front matter: the YAML fields at the head of a text, read strictly.

Every value is asked for by name and kind, and whatever breaks a rule is refused with its
field, its line and the rule. What nobody asked for is unknown, and refused too.
"""

import re
import reprlib
from collections import Counter
from collections.abc import Collection, Hashable
from typing import Any

import yaml

from trustivide.core.text import Text

EMPTY = Text("får inte vara tom", "must not be empty")


class CardError(ValueError):
    """A card breaks a rule: in which file and field, which rule, and on which line if known.

    ``str()`` of it is in English, for whoever starts the service; ``words`` are for pages.
    """

    def __init__(self, file: str, field: str, words: Text, line: int | None = None) -> None:
        super().__init__(f"{file}: {field}: {words.en}")
        self.file = file
        self.field = field
        self.words = words
        self.line = line

    @property
    def rule(self) -> str:
        """The rule in English."""
        return self.words.en


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML that refuses what a card has no use for.

    A doubled key would silently win. An alias lets a short text stand for a huge one.
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.composer.ComposerError(None, None, "aliases are not allowed", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = Counter(str(key.value) for key, _ in node.value)
        doubled = sorted(key for key, times in keys.items() if times > 1)
        if doubled:
            raise _DoubledError(doubled[0])
        return super().construct_mapping(node, deep)


class _DoubledError(yaml.YAMLError):
    """A mapping names one key twice; ``str()`` of it is the key."""


def split(file: str, text: str) -> tuple[dict[str, Any], str]:
    """The fields between the two lines of ``---``, and the text below; :class:`CardError`."""
    parts = re.fullmatch(r"---\n(?P<front>.*?\n)---\n(?P<body>.*)", text, re.DOTALL)
    if parts is None:
        rule = Text("ska stå mellan två rader med ---", "must stand between two lines of ---")
        raise CardError(file, "front matter", rule, 1)
    try:
        front = yaml.load(parts["front"], Loader=_StrictLoader)  # nosec B506 # noqa: S506 (a SafeLoader)
    except _DoubledError as error:
        raise CardError(file, str(error), Text("står två gånger", "stands there twice")) from None
    except (yaml.YAMLError, ValueError, AttributeError, LookupError, RecursionError) as error:
        # All but the first: a date, a number, a word or a nesting that YAML's types can't hold.
        raise CardError(file, "front matter", *_what_yaml_said(error)) from None
    if not isinstance(front, dict):
        rule = Text("ska vara fält med värden", "must be a mapping")
        raise CardError(file, "front matter", rule, 2)
    return front, parts["body"].strip()


def _what_yaml_said(error: Exception) -> tuple[Text, int | None]:
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
    mark = getattr(error, "problem_mark", None)
    words = Text(f"går inte att läsa som YAML: {said}", f"is not YAML: {said}")
    return words, mark.line + 2 if mark else None


def line_of(text: str, field: str) -> int | None:
    """The line of a card file, from 1, where a field stands: ``title``, ``agenda[2].minutes``.

    For one that is missing, where what it should stand in begins. ``None`` where that is the
    whole file, or the file can't be read.
    """
    front = re.match(r"---\n(.*?\n)---\n", text, re.DOTALL)
    try:
        node = yaml.compose(front[1], Loader=_StrictLoader) if front else None
    except (yaml.YAMLError, RecursionError):
        return None
    line = None
    for name, number in re.findall(r"([^.\[\]]+)(?:\[(\d+)\])?", field):
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((key, value) for key, value in pairs if key.value == name), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 2, found[1]
        if number and isinstance(node, yaml.SequenceNode) and int(number) <= len(node.value):
            node = node.value[int(number) - 1]
            line = node.start_mark.line + 2
    return line


class Fields:
    """One mapping of a card, read field by field; what was never read is unknown."""

    def __init__(self, file: str, values: dict[str, Any], prefix: str = "") -> None:
        self._file = file
        self._values = values
        self._prefix = prefix
        self._read: set[str] = set()

    def fail(self, name: str, rule: Text) -> CardError:
        return CardError(self._file, self._prefix + name, rule)

    def _get(self, name: str) -> Any:
        self._read.add(name)
        if name not in self._values:
            raise self.fail(name, Text("saknas", "is missing"))
        return self._values[name]

    def refuse_unknown(self) -> None:
        for name in self._values:
            if name not in self._read:
                raise self.fail(
                    str(name), Text("är inte ett fält i ett kort", "is not a field of a card")
                )

    def text(self, name: str, default: str | None = None) -> str:
        if default is not None and name not in self._values:
            self._read.add(name)
            return default
        return self._text(name, self._get(name))

    def _text(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise self.fail(name, Text("ska vara text", "must be text"))
        if not value.strip():
            raise self.fail(name, EMPTY)
        return value.strip()

    def line(self, name: str, longest: int | None = None) -> str:
        value = self.text(name)
        if longest is not None and len(value) > longest:
            rule = Text(f"får ha högst {longest} tecken", f"may have at most {longest} characters")
            raise self.fail(name, rule)
        if "\n" in value:
            raise self.fail(name, Text("ska vara en enda rad", "must be one line"))
        return value

    def number(self, name: str, lowest: int, highest: int) -> int:
        return self._number(name, self._get(name), lowest, highest)

    def _number(self, name: str, value: Any, lowest: int, highest: int) -> int:
        # bool is an int in Python; "version: yes" is a mistake all the same.
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.fail(name, Text("ska vara ett heltal", "must be a whole number"))
        if not lowest <= value <= highest:
            raise self.fail(
                name,
                Text(
                    f"ska vara från {lowest} till {highest}", f"must be from {lowest} to {highest}"
                ),
            )
        return value

    def _list(self, name: str) -> list[Any]:
        value = self._get(name)
        if not isinstance(value, list) or not value:
            raise self.fail(
                name,
                Text(
                    "ska vara en lista med minst en rad", "must be a list with at least one entry"
                ),
            )
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        entries = self._list(name)
        return tuple(self._text(f"{name}[{at}]", entry) for at, entry in enumerate(entries, 1))

    def one_of(self, name: str, allowed: Collection[str]) -> str:
        return self._one_of(name, self._get(name), allowed)

    def _one_of(self, name: str, value: Any, allowed: Collection[str]) -> str:
        if not isinstance(value, str) or value not in allowed:
            said, known = reprlib.repr(value), ", ".join(allowed)
            raise self.fail(name, Text(f"{said} är inget av {known}", f"{said} is none of {known}"))
        return value

    def several_of(self, name: str, allowed: Collection[str]) -> tuple[str, ...]:
        values = tuple(self._one_of(name, value, allowed) for value in self._list(name))
        if len(set(values)) < len(values):
            raise self.fail(name, Text("har samma värde två gånger", "names one entry twice"))
        return values

    def people(self, name: str) -> tuple[int, int]:
        values = self._list(name)
        if len(values) != 2:
            raise self.fail(name, Text("ska vara [minst, mest]", "must be [fewest, most]"))
        fewest, most = (self._number(name, value, 2, 200) for value in values)
        if fewest > most:
            raise self.fail(
                name,
                Text(
                    "det minsta antalet är större än det största",
                    "the fewest are more than the most",
                ),
            )
        return fewest, most

    def mapping(self, name: str) -> "Fields":
        return self._mapping(name, self._get(name))

    def mappings(self, name: str) -> list["Fields"]:
        entries = self._list(name)
        return [self._mapping(f"{name}[{at}]", entry) for at, entry in enumerate(entries, 1)]

    def _mapping(self, name: str, value: Any) -> "Fields":
        if not isinstance(value, dict):
            raise self.fail(name, Text("ska vara fält med värden", "must be a mapping"))
        return Fields(self._file, value, f"{self._prefix}{name}.")
