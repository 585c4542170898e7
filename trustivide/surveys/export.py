"""A closed survey's result as files: what its page shows, for machines and for spreadsheets.

Everything comes from the snapshot. What the page doesn't show isn't here either: no spread of a
figure, no mean of a statement, nothing below the participation where there is no result.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from trustivide.core import spreadsheet
from trustivide.core.clock import day_of
from trustivide.core.spreadsheet import Value
from trustivide.core.text import Text
from trustivide.surveys.catalogue import Instrument, Item, score_labels
from trustivide.surveys.labels import item_labels
from trustivide.surveys.queries import Listed
from trustivide.surveys.snapshot import TOO_FEW, TOO_FEW_ITEMS

VERSION = "1"
SCHEMA = f"trustivide-survey-results/{VERSION}"

Row = Mapping[str, Any]

REASONS = {
    TOO_FEW: Text("för få har svarat", "too few have answered"),
    TOO_FEW_ITEMS: Text(
        "för få har svarat på frågorna i den här delen",
        "too few have answered the questions of this part",
    ),
}
"""Why a figure isn't shown."""
OVERALL_NAME = Text("I stort", "Overall")


@cache
def schema() -> str:
    """The JSON Schema (draft 2020-12) of the file for machines."""
    return (Path(__file__).parent / f"results-{VERSION}.schema.json").read_text()


def document(listed: Listed, figures: Row, locale: str, about: str | None = None) -> dict[str, Any]:
    """The result as :func:`schema` describes it, with the words in ``locale``.

    ``figures`` is the survey's snapshot, in the shape that :mod:`snapshot` describes; ``about``
    the workshop that an evaluation asks about.
    """
    survey, instrument = listed.survey, listed.instrument
    assert survey.closed_at is not None
    head = {
        "schema": SCHEMA,
        "language": locale,
        "survey": {
            "id": str(survey.id),
            "team": listed.team.name,
            "title": instrument.title.in_(locale),
            **({"about": about} if about else {}),
            "instrument": {"key": instrument.key, "version": instrument.version},
            "opened_on": day_of(survey.opened_at).isoformat(),
            "closed_on": day_of(survey.closed_at).isoformat(),
        },
        "participation": {
            "invited": figures["invited"],
            "answered": figures["answered"],
            "fewest_for_a_result": figures["k"],
        },
        "published": figures["published"],
    }
    if not figures["published"]:
        return {**head, "reason": figures["reason"]}
    return {**head, "everyone_answered": figures["census"], **_Body(instrument, locale).of(figures)}


class _Body:
    """A published snapshot with the words of its questionnaire."""

    def __init__(self, instrument: Instrument, locale: str) -> None:
        self.instrument = instrument
        self.locale = locale

    def of(self, figures: Row) -> dict[str, Any]:
        # Without dimensions there is nothing that an overall figure could be of.
        whole = {"overall": self.figure(figures["overall"], OVERALL_NAME)}
        return {
            **(whole if self.instrument.dimensions else {}),
            "dimensions": [
                {
                    **self.figure(row, dimension.name),
                    "description": dimension.description.in_(self.locale),
                    "items": [self.item(item) for item in row["items"]],
                }
                for dimension, row in zip(
                    self.instrument.dimensions, figures["dimensions"], strict=True
                )
            ],
            "items": [self.item(row) for row in figures["items"]],
            "comments": [
                {
                    "key": row["key"],
                    "text": self.item_of(row).text.in_(self.locale),
                    **_of(row, "published", "reason", "n", "texts"),
                }
                for row in figures["comments"]
            ],
        }

    def item_of(self, row: Row) -> Item:
        return self.instrument.by_key[row["key"]]

    def figure(self, row: Row, name: Text) -> dict[str, Any]:
        found = {
            "key": row["key"],
            "name": name.in_(self.locale),
            **_of(row, "published", "reason", "n", "missing", "items_shown", "items_total"),
            **_of(row, "mean", "interval", "agreement"),
        }
        if row["published"]:
            labels = score_labels(self.instrument.agreement, self.locale)
            found["distribution"] = _distribution(row, labels)
        return found

    def item(self, row: Row) -> dict[str, Any]:
        item = self.item_of(row)
        found = {
            "key": row["key"],
            "text": item.text.in_(self.locale),
            **_of(row, "kind", "reversed", "published", "reason", "n", "missing"),
        }
        if not row["published"]:
            return found
        labels = item_labels(item, self.locale)
        if "options" in row:
            return {**found, "options": [_option(option, labels) for option in row["options"]]}
        if "interval" in row:  # of a scale from 0 to 10; a statement's mean stands on no page
            found |= _of(row, "mean", "interval")
        return {**found, "distribution": _distribution(row, labels)}


def _of(row: Row, *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names if name in row}


def _distribution(row: Row, labels: Mapping[str, Any]) -> dict[str, Any]:
    kind, counts = row["distribution"]["kind"], row["distribution"]["counts"]
    answers = zip(labels[kind], counts, strict=True)
    return {"kind": kind, "answers": [{"text": text, "count": n} for text, n in answers]}


def _option(option: Row, labels: Mapping[str, Any]) -> dict[str, Any]:
    found = {**option, "text": labels["options"][option["key"]]}
    if "share" in option:
        found["in_words"] = labels["shares"][option["share"]]
    return found


# The same, one figure a row


@dataclass(frozen=True)
class Fact:
    """One thing that a document says: of what (``part``, ``key``, ``what``), and what it is."""

    part: Text
    key: str
    what: str
    measure: Text
    answer: str
    value: Value


SURVEY = Text("Enkät", "Survey")
DIMENSIONS = Text("Delar", "Parts")
ITEMS = Text("Frågor", "Questions")
ANSWERS = Text("Svar", "Answers")
COMMENTS = Text("Kommentarer", "Comments")
_COLUMNS = (
    Text("Avsnitt", "Section"),
    Text("Nyckel", "Key"),
    Text("Vad", "What"),
    Text("Mått", "Measure"),
    Text("Svar", "Answer"),
    Text("Värde", "Value"),
)
_KEY, _WHAT, _MEASURE, _ANSWER, _VALUE = _COLUMNS[1:]
_COUNT = Text("Antal", "Count")
_COMMENT = Text("Kommentar", "Comment")
_NOT_SHOWN = Text("Visas inte", "Not shown")
_YES = Text("Ja", "Yes")
_NO = Text("Nej", "No")
_MEASURES = {
    "team": Text("Team", "Team"),
    "title": Text("Frågeformulär", "Questionnaire"),
    "about": Text("Gäller", "About"),
    "opened_on": Text("Öppnade", "Opened"),
    "closed_on": Text("Stängde", "Closed"),
    "invited": Text("Inbjudna", "Invited"),
    "answered": Text("Har svarat", "Have answered"),
    "fewest_for_a_result": Text("Minsta antal svar för ett resultat", "Fewest answers to show"),
    "everyone_answered": Text("Alla har svarat", "Everyone has answered"),
    "n": Text("Antal svar", "Answers"),
    "missing": Text("Kan inte svara eller inget svar", "Can't say, or no answer"),
    "items_shown": Text("Frågor som räknas", "Questions counted"),
    "items_total": Text("Frågor", "Questions"),
    "mean": Text("Medel", "Mean"),
    "low": Text("95 % intervall, från", "95% interval, from"),
    "high": Text("95 % intervall, till", "95% interval, to"),
    "clipped": Text("Intervallet är kapat", "The interval is clipped"),
    "indicative": Text("Intervallet är vägledande", "The interval is indicative"),
    "agreement": Text("Samstämmighet (r*wg)", "Agreement (r*wg)"),
    "reversed": Text("Omvänd fråga", "Reversed question"),
}


def facts(result: Row) -> Iterator[Fact]:
    """Everything that a document says, in its order. Numbers are numbers, a day is ISO 8601."""
    locale = result["language"]
    about = {**result["survey"], **result["participation"], **_of(result, "everyone_answered")}
    yield from _measured(SURVEY, {"key": "survey"}, result["survey"]["title"], about, locale)
    if not result["published"]:
        yield _withheld(SURVEY, {"key": "survey", **result}, result["survey"]["title"], locale)
        return
    overall = [result["overall"]] if "overall" in result else []
    for row in (*overall, *result["dimensions"]):
        yield from _figure(DIMENSIONS, row, row["name"], locale)
    for row in result["dimensions"]:
        for item in row["items"]:
            yield from _figure(ITEMS, item, item["text"], locale)
    for item in result["items"]:
        yield from _figure(ITEMS, item, item["text"], locale)
    for row in result["comments"]:
        if not row["published"]:
            yield _withheld(COMMENTS, row, row["text"], locale)
        for words in row.get("texts", ()):
            yield Fact(COMMENTS, row["key"], row["text"], _COMMENT, "", words)


def _figure(part: Text, row: Row, what: str, locale: str) -> Iterator[Fact]:
    if not row["published"]:
        yield _withheld(part, row, what, locale)
        return
    yield from _measured(part, row, what, {**row, **row.get("interval", {})}, locale)
    for answer in row.get("distribution", {}).get("answers", ()):
        yield Fact(part, row["key"], what, _COUNT, answer["text"], answer["count"])
    for option in row.get("options", ()):
        value = option.get("count", option.get("in_words"))
        yield Fact(part, row["key"], what, _COUNT, option["text"], value)


def _measured(part: Text, row: Row, what: str, values: Row, locale: str) -> Iterator[Fact]:
    for name, measure in _MEASURES.items():
        if name in values:
            yield Fact(part, row["key"], what, measure, "", _value(values[name], locale))


def _value(value: Value, locale: str) -> Value:
    if isinstance(value, bool):
        return (_YES if value else _NO).in_(locale)
    return value


def _withheld(part: Text, row: Row, what: str, locale: str) -> Fact:
    return Fact(part, row["key"], what, _NOT_SHOWN, "", REASONS[row["reason"]].in_(locale))


# As files


def as_json(result: Row) -> str:
    """The document itself."""
    return json.dumps(result, ensure_ascii=False, indent=1)


def as_csv(result: Row) -> str:
    """One fact a row (RFC 4180, UTF-8 with a mark); decimals with a point, in any language."""
    locale = result["language"]
    rows = [[column.in_(locale) for column in _COLUMNS]]
    for fact in facts(result):
        words = (fact.part.in_(locale), fact.key, fact.what, fact.measure.in_(locale), fact.answer)
        rows.append([*map(spreadsheet.cell, words), _written(fact.value)])
    return spreadsheet.BOM + spreadsheet.lines(rows)


def _written(value: Value) -> str:
    return spreadsheet.cell(value) if isinstance(value, str) else str(value)


def as_xlsx(result: Row) -> bytes:
    """A workbook with a sheet for the survey, and where there is a result for each part of it."""
    locale = result["language"]
    found = list(facts(result))
    about = [(fact.measure.in_(locale), fact.value) for fact in found if fact.part == SURVEY]
    from trustivide.core.workbook import workbook

    sheets: dict[str, list[Sequence[Value]]] = {
        SURVEY.in_(locale): [(_WHAT.in_(locale), _VALUE.in_(locale)), *about]
    }
    if result["published"]:
        for part in (DIMENSIONS, ITEMS):
            measured = [fact for fact in found if fact.part == part and not fact.answer]
            sheets[part.in_(locale)] = _wide(measured, locale)
        sheets[ANSWERS.in_(locale)] = [
            [text.in_(locale) for text in (_KEY, _WHAT, _ANSWER, _COUNT)],
            *((fact.key, fact.what, fact.answer, fact.value) for fact in found if fact.answer),
        ]
        sheets[COMMENTS.in_(locale)] = [
            [text.in_(locale) for text in (_KEY, _WHAT, _COMMENT)],
            *((fact.key, fact.what, fact.value) for fact in found if fact.part == COMMENTS),
        ]
    return workbook(sheets)


def _wide(measured: Iterable[Fact], locale: str) -> list[Sequence[Value]]:
    """One row for each thing that is measured, one column for each measure."""
    rows: dict[tuple[str, str], dict[Text, Value]] = {}
    for fact in measured:
        rows.setdefault((fact.key, fact.what), {})[fact.measure] = fact.value
    used = [m for m in (*_MEASURES.values(), _NOT_SHOWN) if any(m in row for row in rows.values())]
    return [
        [text.in_(locale) for text in (_KEY, _WHAT, *used)],
        *([*named, *(row.get(measure) for measure in used)] for named, row in rows.items()),
    ]
