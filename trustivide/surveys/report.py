"""A closed survey's result on paper: what its page says, as an accessible PDF.

Everything travels to the template as JSON; no word of a team, a questionnaire or a comment is
ever read as markup.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal

from trustivide.core import children, glyphs
from trustivide.core.text import Text
from trustivide.surveys import results
from trustivide.surveys.catalogue import MULTIPLE, SCALE10, Instrument
from trustivide.surveys.export import REASONS, document
from trustivide.surveys.queries import Listed
from trustivide.surveys.report_words import WORDS
from trustivide.surveys.results import Wave
from trustivide.workshops.suggestions import Suggestions

Row = Mapping[str, Any]

TEMPLATE = Path(__file__).with_name("report.typ")
_LONGEST_IN_FOOT = 36
MOST_COMMENTS = 300
"""Comments of one question on paper; the page and the files have all."""


@dataclass(frozen=True)
class Beside:
    """What a report says beside the survey's own figures.

    ``about`` is the workshop that an evaluation asks about, ``waves`` are the team's surveys
    up to this one (:func:`history.waves`), ``advice`` is what the leader could do next.
    """

    about: str | None = None
    waves: Sequence[Wave] = ()
    advice: Suggestions | None = None

    @property
    def before(self) -> Wave | None:
        """The survey that this one is compared with."""
        return results.before(self.waves)


def render(
    listed: Listed, figures: Row, locale: str, method: str, beside: Beside = Beside()
) -> bytes:
    """The report as a tagged PDF/UA-1 file (ISO 14289-1), A4; ``method`` is that page's address.

    ``figures`` is the snapshot. The same input gives the same bytes. Raises
    :class:`subprocess.SubprocessError` if the file can't be made.
    """
    data = printed(listed, figures, locale, method, beside)
    words = json.dumps(data, ensure_ascii=False)
    return children.run("trustivide.core.typeset", str(TEMPLATE), given=words.encode())


def printed(
    listed: Listed, figures: Row, locale: str, method: str, beside: Beside = Beside()
) -> dict[str, Any]:
    """What the template gets: the contents in characters that it can draw."""
    data: dict[str, Any] = glyphs.printable(contents(listed, figures, locale, beside))
    data["method"]["link"] = method
    if glyphs.MISSING in json.dumps(data, ensure_ascii=False):
        data["method"]["text"].append(WORDS["glyphs"].in_(locale).format(mark=glyphs.MISSING))
    return data


def contents(
    listed: Listed, figures: Row, locale: str, beside: Beside = Beside()
) -> dict[str, Any]:
    """What the report says, from top to bottom, as the template lays it out."""
    result = document(listed, figures, locale, beside.about)
    return _Report(listed.instrument, result, figures, beside).data()


class _Report:
    def __init__(self, instrument: Instrument, result: Row, figures: Row, beside: Beside) -> None:
        self.instrument = instrument
        self.result = result
        self.figures = figures
        self.beside = beside
        self.locale: str = result["language"]

    def say(self, name: str, **values: object) -> str:
        return WORDS[name].in_(self.locale).format(**values)

    def word(self, text: Text) -> str:
        return text.in_(self.locale)

    def number(self, value: float, pattern: str = "0.00") -> str:
        return str(format_decimal(value, pattern, locale=self.locale)).replace("-", "−")

    def day(self, iso: str) -> str:
        return str(format_date(date.fromisoformat(iso), "d MMMM yyyy", locale=self.locale))

    def data(self) -> dict[str, Any]:
        survey, part = self.result["survey"], self.result["participation"]
        found = {
            "language": self.locale,
            "kicker": self.say("kicker"),
            "title": survey["team"],
            "document": self.say("document", team=survey["team"]),
            "lead": ": ".join(survey[name] for name in ("title", "about") if name in survey),
            "page": self.say("page"),
            "foot": f"Trustivide · {_shortened(survey['team'])} · {_shortened(survey['title'])}",
            "facts": [
                (self.say("opened"), self.day(survey["opened_on"])),
                (self.say("closed"), self.day(survey["closed_on"])),
                (self.say("answered"), self.say("of", n=part["answered"], of=part["invited"])),
            ],
            "method": {
                "heading": self.say("method"),
                "text": [self.say(name, k=part["fewest_for_a_result"]) for name in _METHOD],
            },
        }
        if not self.result["published"]:
            told = self.say("too_few", k=part["fewest_for_a_result"])
            return {**found, "notice": [told, self.say("too_few_then")], "parts": []}
        return {**found, "notice": [], "parts": [part for part in self.parts() if part]}

    def parts(self) -> list[dict[str, Any]]:
        return [
            self.overall(),
            self.standing_out(),
            self.changes(),
            self.over_time(),
            self.dimensions(),
            *(self.dimension(row) for row in self.result["dimensions"]),
            self.loose_items(),
            self.comments(),
            self.next(),
        ]

    def overall(self) -> dict[str, Any]:
        row = self.result.get("overall")
        if row is None:
            return {}
        if not row["published"]:
            return _part(self.say("overall"), text=[self.withheld(row)])
        kind, top = self.instrument.agreement, self.instrument.points
        ends = row["interval"]
        low, high = self.number(ends["low"], "0.0"), self.number(ends["high"], "0.0")
        called = self.word(results.level_in_words(row["mean"], kind)).lower()
        mean = self.number(row["mean"], "0.0")
        sure = "range_all" if ends["indicative"] else "range"
        return _part(
            self.say("overall"),
            figure={"value": mean, "of": self.say("out_of", top=top)},
            text=[
                self.say("level", mean=mean, top=top, words=called)
                + " "
                + self.say(sure, low=low, high=high),
                self.agreement(row, divided=True),
            ],
            bars=self.bars(row, self.say("people_by_mean")),
        )

    def agreement(self, row: Row, *, divided: bool = False) -> str:
        verdict = self.word(results.agreement_in_words(row["agreement"]))
        said = self.say("agreement", verdict=verdict, value=self.number(row["agreement"]))
        if divided and row["agreement"] <= results.AGREEMENT[1][0]:
            said += " " + self.say("divided")
        return said

    def withheld(self, row: Row) -> str:
        return self.say("withheld", reason=self.word(REASONS[row["reason"]]))

    def standing_out(self) -> dict[str, Any]:
        """Only what differs more than chance would make it; see :mod:`results`."""
        dimensions = results.dimensions_standing_out(self.figures, self.instrument.points)
        items = results.items_standing_out(self.instrument, self.figures)
        if len(self.instrument.dimensions) < 2 and not items:
            return {}
        groups = {
            "strong_parts": dimensions.strengths,
            "weak_parts": dimensions.gaps,
            "strong_items": items.strengths,
            "weak_items": items.gaps,
        }
        lists = [
            {"heading": self.say(name), "items": [self.called(key, name) for key in keys]}
            for name, keys in groups.items()
            if keys
        ]
        text = [self.say("only_clear" if lists else "nothing_clear")]
        if self.result["participation"]["answered"] < 10:
            text.append(self.say("items_from_ten"))
        return _part(self.say("standing_out"), lists=lists, text=text)

    def called(self, key: str, group: str) -> str:
        item = self.instrument.by_key.get(key)
        if item is None:
            names = {d.key: d.name for d in self.instrument.dimensions}
            return self.word(names[key])
        said = self.say("quoted", text=self.word(item.text))
        return f"{said} {self.say(f'{group}_reversed')}" if item.reversed else said

    def followed(self) -> tuple[str, ...]:
        """What is followed over time; a questionnaire of choices and texts has nothing."""
        return results.followed(self.beside.waves[-1]) if self.beside.waves else ()

    def changes(self) -> dict[str, Any]:
        """What has changed since the survey before, with a verdict."""
        before, followed = self.beside.before, self.followed()
        if before is None or not followed:
            return {}
        now = self.beside.waves[-1]
        columns = ("what", "verdict", "then", "now", "difference")
        return _part(
            self.say("changes"),
            text=[self.say("changes_lead", day=self.day(before.closed_on.isoformat()))],
            table={
                "columns": [self.say(name) for name in columns],
                "rows": [self.change(results.change(before, now, key)) for key in followed],
            },
            notes=[self.say("changes_read")],
        )

    def change(self, change: results.Change) -> list[str]:
        name = self.name(change.key)
        if change.obstacle:
            return [name, self.say(f"obstacle_{change.obstacle}")]
        low, high = self.signed(change.low), self.signed(change.high)
        return [
            name,
            self.say(change.verdict),
            self.number(change.before),
            self.number(change.after),
            self.say("difference_of", value=self.signed(change.difference), low=low, high=high),
        ]

    def name(self, key: str) -> str:
        names = {d.key: d.name for d in self.instrument.dimensions}
        if key == results.OVERALL:
            return self.say("overall")
        return self.word(names.get(key) or self.instrument.by_key[key].text)

    def signed(self, value: float) -> str:
        return self.number(value, "+0.00;-0.00")

    def over_time(self) -> dict[str, Any]:
        """Every survey so far with the figure that stands for the whole."""
        waves, followed = self.beside.waves, self.followed()
        if self.beside.before is None or not followed or len(waves) < 3:
            return {}
        key = followed[0]
        rows = [(wave.closed_on.isoformat(), wave.row(key)) for wave in waves]
        return _part(
            self.say("over_time", what=self.name(key)),
            table={
                "columns": [self.say(name) for name in ("closed", "mean", "interval", "n")],
                "rows": [
                    [
                        self.day(day),
                        self.number(row["mean"]),
                        self.span(row) if row.get("interval") else "–",
                        str(row["n"]),
                    ]
                    if row
                    else [self.day(day), self.say("not_shown")]
                    for day, row in rows
                ],
            },
        )

    def dimensions(self) -> dict[str, Any]:
        rows = self.result["dimensions"]
        if not rows:
            return {}
        shown = [row for row in rows if row["published"]]
        notes = []
        if any(row["interval"]["clipped"] for row in shown):
            notes.append(self.say("clipped"))
        if any(row["interval"]["indicative"] for row in shown):
            notes.append(self.say("indicative"))
        return _part(
            self.say("parts"),
            text=[self.say("parts_lead")] if len(rows) > 1 else [],
            chart={
                "alt": self.alternative(rows),
                "caption": self.say("chart", top=self.instrument.points),
                "points": list(range(1, self.instrument.points + 1)),
                "rows": [self.dot(row) for row in rows],
            },
            table={
                "columns": [self.say(name) for name in ("part", "mean", "interval", "n")],
                "rows": [self.line(row) for row in rows],
            },
            notes=notes,
        )

    def dot(self, row: Row) -> dict[str, Any]:
        if not row["published"]:
            return {"label": row["name"], "shown": False, "value": self.say("not_shown")}
        ends, span = row["interval"], self.instrument.points - 1
        place = {"at": row["mean"], "low": ends["low"], "high": ends["high"]}
        return {
            "label": row["name"],
            "shown": True,
            "value": self.number(row["mean"]),
            "indicative": ends["indicative"],
            **{name: (value - 1) / span for name, value in place.items()},
        }

    def line(self, row: Row) -> list[str]:
        if not row["published"]:
            return [row["name"], self.withheld(row)]
        star = "*" if row["interval"]["clipped"] else ""
        return [row["name"], self.number(row["mean"]), self.span(row) + star, str(row["n"])]

    def span(self, row: Row, pattern: str = "0.00") -> str:
        ends = row["interval"]
        return f"{self.number(ends['low'], pattern)}–{self.number(ends['high'], pattern)}"

    def alternative(self, rows: Sequence[Row]) -> str:
        """What the chart shows, for whoever hears it."""
        each = [
            f"{row['name']} {self.number(row['mean'])} ({self.span(row)})"
            if row["published"]
            else f"{row['name']}: {self.withheld(row)}"
            for row in rows
        ]
        return self.say("chart_alt", rows="; ".join(each))

    def dimension(self, row: Row) -> dict[str, Any]:
        text = [row["description"]]
        if row["published"]:
            text.append(self.agreement(row))
            if row["items_shown"] < row["items_total"]:
                counted = {"shown": row["items_shown"], "total": row["items_total"]}
                text.append(self.say("counted", **counted))
        else:
            text.append(self.withheld(row))
        return _part(
            row["name"],
            level=3,
            text=text,
            bars=self.bars(row, self.say("people_by_mean_in_part")),
            items=[self.item(item) for item in row["items"]],
        )

    def loose_items(self) -> dict[str, Any]:
        rows = self.result["items"]
        if not rows:
            return {}
        heading = self.say("items_beside" if self.instrument.dimensions else "items")
        return _part(heading, items=[self.item(row) for row in rows])

    def item(self, row: Row) -> dict[str, Any]:
        found: dict[str, Any] = {"text": row["text"], "notes": []}
        if row["reversed"]:
            found["notes"].append(self.say("reversed"))
        if not row["published"]:
            return {**found, "withheld": self.withheld(row)}
        if "options" in row:
            return self.choices(found, row)
        found["bars"] = self.bars(row, None)
        if row["kind"] == SCALE10:
            found["notes"] += self.scale_notes(row)
        return found

    def ends(self, row: Row) -> list[str]:
        """What the lowest and the highest point of a scale from 0 to 10 are called, if anything."""
        item = self.instrument.by_key.get(row["key"])
        return [self.word(end) for end in item.ends] if item and item.ends else []

    def scale_notes(self, row: Row) -> list[str]:
        whole = row["distribution"]["kind"] == "bands"
        span = self.span(row, "0" if whole else "0.00")
        notes = [self.say("scale", mean=self.number(row["mean"]), span=span)]
        if whole:
            notes.append(self.say("outwards"))
        if row["interval"]["indicative"]:
            notes.append(self.say("indicative_short"))
        return notes

    def choices(self, found: dict[str, Any], row: Row) -> dict[str, Any]:
        options = row["options"]
        counted = "count" in options[0]
        if not counted:
            found["notes"].append(self.say("in_words"))
        elif row["kind"] == MULTIPLE:
            found["notes"].append(self.say("several"))
        return {
            **found,
            "options": {
                "columns": [self.say("answer"), self.say("how_many", n=row["n"])],
                "rows": [[o["text"], str(o.get("count", o.get("in_words")))] for o in options],
                "parts": [o["count"] / row["n"] for o in options] if counted else [],
                "missing": self.missing(row),
            },
        }

    def missing(self, row: Row) -> list[str]:
        return [self.say("missing"), str(row["missing"])] if row["missing"] else []

    def bars(self, row: Row, caption: str | None) -> dict[str, Any] | None:
        if not row["published"]:
            return None
        answers = row["distribution"]["answers"]
        return {
            "caption": caption,
            "scale10": row.get("kind") == SCALE10,
            "words": [answer["text"] for answer in answers],
            "counts": [answer["count"] for answer in answers],
            "missing": self.missing(row),
            "ends": self.ends(row),
        }

    def next(self) -> dict[str, Any]:
        """What the team could do; see :mod:`trustivide.workshops.suggestions`."""
        advice = self.beside.advice
        if advice is None:
            return {}
        text = [f"{advice.about} {advice.before}".strip()]
        if advice.statements:
            lowest = " ".join(f"{statement}." for statement in advice.statements)
            text.append(self.say("next_lowest", statements=lowest) + f" {advice.chance}")
        workshops = [
            {"text": one.card.title, "notes": [one.card.summary, one.why]}
            for one in advice.workshops
        ]
        return _part(self.say("next"), text=text, items=workshops)

    def comments(self) -> dict[str, Any]:
        rows = self.result["comments"]
        if not rows:
            return {}
        k = self.result["participation"]["fewest_for_a_result"]
        return _part(
            self.say("comments"),
            comments=[
                {
                    "heading": row["text"],
                    "lead": self.say("shuffled" if row["published"] else "few_comments", k=k),
                    "texts": [text.splitlines() for text in row.get("texts", ())[:MOST_COMMENTS]],
                    "rest": self.rest(row),
                }
                for row in rows
            ],
        )

    def rest(self, row: Row) -> list[str]:
        left = len(row.get("texts", ())) - MOST_COMMENTS
        return [self.say("rest", n=left)] if left > 0 else []


_METHOD = ("method_means", "method_interval", "method_agreement", "method_k")


def _shortened(words: str) -> str:
    return words if len(words) <= _LONGEST_IN_FOOT else words[: _LONGEST_IN_FOOT - 1] + "…"


def _part(heading: str, *, level: int = 2, **more: Any) -> dict[str, Any]:
    return {"heading": heading, "level": level, **more}
