"""The printed guide of a workshop and its handout: accessible PDFs made from its card.

Everything from the card travels to the template as JSON. No text of a card is ever
read as Typst markup, so a card can neither break the template nor run code in it.
"""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from trustivide.core.typeset import compile_pdf
from trustivide.workshops.cards import AgendaStep, WorkshopCard, body_html

DOCUMENTS = ("guide", "handout")
"""What is made of a card: the whole guide, or the handout alone."""

_HERE = Path(__file__).parent

_LABELS: dict[str, dict[str, Any]] = {
    "sv": {
        "guide": "Workshopguide",
        "duration": "Längd",
        "people": "Deltagare",
        "place": "Plats",
        "difficulty": "Att leda",
        "exposure": "Hur personligt",
        "dimensions": "Stärker",
        "goal": "Mål",
        "when": "Passar när",
        "when_not": "Passar inte när",
        "preparation": "Förbered",
        "materials": "Ta med",
        "agenda": "Så går det till",
        "clock": "Tid",
        "step": "Steg",
        "minutes": "min",
        "note": "Till dig som leder",
        "remote": "På distans",
        "debrief": "Samla upp",
        "output": "Det här har ni efteråt",
        "follow_up": "Följ upp",
        "follow_up_days": "Efter {days} dagar: ta fram det ni skrev ner och se vad som har hänt.",
        "body": "Mer till dig som leder",
        "sources": "Att läsa vidare",
        "licence": "Licens",
        "version": "Version",
        "page": "Sida {page} av {pages}",
        "handout": "Arbetsblad",
        "hours": "{hours} tim",
        "places": {"onsite": "på plats", "remote": "på distans", "hybrid": "blandat"},
        "levels": {"1": "lätt", "2": "kräver lite vana", "3": "kräver van ledare"},
        "exposures": {"1": "lite", "2": "en del", "3": "mycket"},
        "names": {
            "competence": "kompetens",
            "care": "omtanke",
            "integrity": "integritet",
            "openness": "öppenhet",
            "reliability": "pålitlighet",
        },
    },
    "en": {
        "guide": "Workshop guide",
        "duration": "Length",
        "people": "People",
        "place": "Place",
        "difficulty": "To lead",
        "exposure": "How personal",
        "dimensions": "Strengthens",
        "goal": "Goal",
        "when": "Good when",
        "when_not": "Not when",
        "preparation": "Prepare",
        "materials": "Bring",
        "agenda": "How it goes",
        "clock": "Time",
        "step": "Step",
        "minutes": "min",
        "note": "For you who lead",
        "remote": "Remotely",
        "debrief": "Look back together",
        "output": "What you have afterwards",
        "follow_up": "Follow up",
        "follow_up_days": "After {days} days: take out what you wrote down and see what happened.",
        "body": "More for you who lead",
        "sources": "Further reading",
        "licence": "Licence",
        "version": "Version",
        "page": "Page {page} of {pages}",
        "handout": "Handout",
        "hours": "{hours} h",
        "places": {"onsite": "on site", "remote": "remote", "hybrid": "hybrid"},
        "levels": {"1": "easy", "2": "takes some practice", "3": "takes an experienced leader"},
        "exposures": {"1": "a little", "2": "somewhat", "3": "very"},
        "names": {
            "competence": "competence",
            "care": "care",
            "integrity": "integrity",
            "openness": "openness",
            "reliability": "reliability",
        },
    },
}


def render(card: WorkshopCard, document: str = "guide") -> bytes:
    """One of :data:`DOCUMENTS` of ``card`` as a tagged PDF/UA-1 file (ISO 14289-1), A4.

    Title, author and language are set; the same card gives the same bytes. The handout is one
    page as long as its words leave 6 mm for each line. ``typst.TypstError`` means that the
    template is at fault.
    """
    return compile_pdf(_HERE / f"{document}.typ", _data(card, _LABELS[card.language]))


def _data(card: WorkshopCard, labels: dict[str, Any]) -> dict[str, Any]:
    return {
        "labels": labels,
        "language": card.language,
        "title": card.title,
        "summary": card.summary,
        "facts": _facts(card, labels),
        "goal": _paragraphs(card.goal),
        "when": _paragraphs(card.when),
        "when_not": _paragraphs(card.when_not),
        "preparation": card.preparation,
        "materials": card.materials,
        "agenda": _agenda(card.agenda),
        "debrief": card.debrief,
        "output": _paragraphs(card.output),
        "follow_up": labels["follow_up_days"].format(days=card.follow_up_days),
        "body": body_blocks(card),
        "sources": card.sources,
        "licence": card.licence,
        "version": card.version,
        "handout": {
            "title": card.handout.title,
            "instruction": _paragraphs(card.handout.instruction),
            "prompts": [
                {"text": prompt.text, "lines": prompt.lines} for prompt in card.handout.prompts
            ],
        },
    }


def _facts(card: WorkshopCard, labels: dict[str, Any]) -> list[tuple[str, str]]:
    hours, minutes = divmod(card.duration, 60)
    length = [labels["hours"].format(hours=hours)] if hours else []
    length += [f"{minutes} {labels['minutes']}"] if minutes else []
    facts = {
        "duration": " ".join(length),
        "people": f"{card.min_people}–{card.max_people}",
        "place": ", ".join(labels["places"][place] for place in card.place),
        "dimensions": ", ".join(labels["names"][name] for name in card.dimensions),
        "difficulty": labels["levels"][str(card.difficulty)],
        "exposure": labels["exposures"][str(card.exposure)],
    }
    return [(labels[name], value) for name, value in facts.items()]


def _agenda(agenda: tuple[AgendaStep, ...]) -> list[dict[str, Any]]:
    """The steps with the time that has passed when each begins, as ``h:mm``."""
    rows = []
    passed = 0
    for step in agenda:
        rows.append(
            {
                "clock": f"{passed // 60}:{passed % 60:02}",
                "minutes": step.minutes,
                "title": step.title,
                "instruction": _paragraphs(step.instruction),
                "note": _paragraphs(step.note),
                "remote": _paragraphs(step.remote),
            }
        )
        passed += step.minutes
    return rows


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def body_blocks(card: WorkshopCard) -> list[dict[str, Any]]:
    """The card's body as typed blocks, in order.

    ``{"type": "heading", "level": 2 | 3, "runs": […]}``, ``{"type": "paragraph", "runs": […]}``
    or ``{"type": "list", "ordered": bool, "items": [[…], …]}``; a run is
    ``{"text": str, "bold": bool, "italic": bool}``. A list inside a list is laid flat.
    """
    reader = _BlockReader()
    reader.feed(body_html(card))
    reader.close()
    return reader.blocks


class _BlockReader(HTMLParser):
    """Reads what :func:`body_html` writes, and only that."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[dict[str, Any]] = []
        self._runs: list[dict[str, Any]] | None = None
        self._lists: list[dict[str, Any]] = []
        self._bold = 0
        self._italic = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("ul", "ol"):
            if not self._lists:
                self.blocks.append({"type": "list", "ordered": tag == "ol", "items": []})
            self._lists.append(self.blocks[-1])
        elif tag == "li":
            self._runs = []
            self._lists[-1]["items"].append(self._runs)
        elif tag == "p" and not self._lists:
            self._open({"type": "paragraph"})
        elif tag in ("h2", "h3"):
            self._open({"type": "heading", "level": int(tag[1])})
        elif tag == "strong":
            self._bold += 1
        elif tag == "em":
            self._italic += 1

    def _open(self, block: dict[str, Any]) -> None:
        self._runs = []
        self.blocks.append(block | {"runs": self._runs})

    def handle_endtag(self, tag: str) -> None:
        if tag in ("ul", "ol"):
            self._lists.pop()
        elif tag in ("h2", "h3", "li") or (tag == "p" and not self._lists):
            self._runs = None
        elif tag == "strong":
            self._bold -= 1
        elif tag == "em":
            self._italic -= 1

    def handle_data(self, data: str) -> None:
        text = data.replace("\n", " ")
        if self._runs is not None and (text.strip() or self._runs):
            self._runs.append({"text": text, "bold": self._bold > 0, "italic": self._italic > 0})
