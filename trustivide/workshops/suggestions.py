"""Which workshops we suggest to a team after a survey, and why: all the rules, in this one file.

Suggestions are a function of two things: the figures that the team's closed survey shows to
everybody who may read it, and the workshops that the team has run. No answer, no person's
searching or reading, and no other team takes part.

1. *What about.* The part of the survey with the lowest mean; the first of them on a tie.
   Nothing where fewer than two parts are shown, or all means are alike. Whether it is lower
   than the others by more than chance is said; it is an order of means else, not a finding.
2. *What points at it.* Up to two of its statements, those answered lowest of all in it. Judged
   by their shown distributions alone: where few answered these have three bands, and which
   answers stand behind a band is not to be found out by an order either.
3. *Which.* Only workshops that strengthen that part. Those that the team ran in the last half
   year come after all others; then those count first that are mainly about the part, those that
   fit the team's size, the short before the long, and those that ask people to show little of
   themselves before those that ask for much.
4. *How many.* Up to three.
5. *What the team did before* is said: why a workshop is not suggested again, or that it is
   nevertheless.

The team's size is the number of people that the survey invited.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from babel.dates import format_date
from babel.lists import format_list
from babel.numbers import format_decimal

from trustivide.core.text import Text
from trustivide.workshops.cards import WorkshopCard
from trustivide.workshops.queries import DIMENSION_NAMES

MOST = 3
MOST_STATEMENTS = 2
PAUSE = timedelta(days=183)
"""So long a workshop that was run comes after all others: half a year."""


@dataclass(frozen=True)
class Statement:
    """A statement whose distribution is shown.

    ``level`` is the mean place in the shown distribution, turned so that high is good: 0 where
    all answers lie in the lowest column or band, 1 where all lie in the highest.
    """

    text: Text
    level: float
    reversed: bool = False


@dataclass(frozen=True)
class Part:
    """A dimension whose figure is shown, with its shown statements.

    ``stands_out`` says that it is lower than the whole by more than chance would make it.
    """

    key: str
    name: Text
    mean: float
    statements: tuple[Statement, ...] = ()
    stands_out: bool = False


@dataclass(frozen=True)
class Published:
    """What suggestions know of a result: the shown parts, the scale's top, and the size."""

    parts: tuple[Part, ...]
    top: int
    people: int


@dataclass(frozen=True)
class Ran:
    """A workshop that the team has run."""

    slug: str
    title: str
    on: date


@dataclass(frozen=True)
class Suggestion:
    """A workshop, and in words why it is suggested."""

    card: WorkshopCard
    why: str


@dataclass(frozen=True)
class Suggestions:
    """Workshops for a team, with the reasons in words in the language that was asked for.

    ``about`` says which part they are for, ``before`` what the team has run of the kind.
    """

    about: str
    statements: tuple[str, ...]
    chance: str
    before: str
    workshops: tuple[Suggestion, ...]


def suggest(
    cards: Iterable[WorkshopCard],
    result: Published,
    ran: Sequence[Ran],
    today: date,
    locale: str,
) -> Suggestions | None:
    """Up to three of ``cards``, by the rules above; ``None`` where nothing can be suggested.

    ``cards`` are the catalogue's in ``locale`` ("sv" or "en").
    """
    part = lowest(result.parts)
    fitting = [card for card in cards if part and part.key in card.dimensions]
    if part is None or not fitting:
        return None
    newest = {one.slug: one for one in sorted(ran, key=lambda one: one.on)}
    lately = {slug for slug, one in newest.items() if today - one.on < PAUSE}
    fitting.sort(
        key=lambda card: (
            card.slug in lately,
            card.dimensions[0] != part.key,
            not _fits(card, result.people),
            card.duration,
            card.exposure,
            card.slug,
        )
    )
    chosen = fitting[:MOST]
    left_out = [newest[card.slug] for card in fitting[MOST:] if card.slug in lately]
    say = _Words(locale)
    return Suggestions(
        about=say.about(part, result.top),
        statements=tuple(say.statement(one) for one in pointing_at(part)),
        chance=say.chance(),
        before=say.left_out(sorted(left_out, key=lambda one: one.on)),
        workshops=tuple(
            Suggestion(card, say.why(card, part, result.people, newest.get(card.slug), lately))
            for card in chosen
        ),
    )


def lowest(parts: Sequence[Part]) -> Part | None:
    """The part that suggestions are about; see rule 1."""
    if len({part.mean for part in parts}) < 2:
        return None
    return min(parts, key=lambda part: part.mean)


def pointing_at(part: Part) -> list[Statement]:
    """The statements that point at a part, the lowest first; see rule 2. None if all are alike."""
    levels = [one.level for one in part.statements]
    below = [one for one in part.statements if one.level < max(levels)]
    return sorted(below, key=lambda one: one.level)[:MOST_STATEMENTS]


def _fits(card: WorkshopCard, people: int) -> bool:
    return card.min_people <= people <= card.max_people


_EXPOSURE = {
    1: Text(
        "Ingen behöver visa särskilt mycket av sig själv.",
        "Nobody has to show much of themselves.",
    ),
    2: Text(
        "Den ber var och en att visa en del av sig själv.",
        "It asks everyone to show something of themselves.",
    ),
    3: Text(
        "Den ber var och en att visa mycket av sig själv. Låt någon som är van leda den.",
        "It asks everyone to show a lot of themselves. Let somebody experienced lead it.",
    ),
}


class _Words:
    """The reasons, in one language."""

    def __init__(self, locale: str) -> None:
        self.locale = locale
        self.of: Callable[[Text], str] = lambda text: text.in_(locale)

    def day(self, day: date) -> str:
        return str(format_date(day, "d MMMM yyyy", locale=self.locale))

    def quoted(self, words: str) -> str:
        return self.of(Text(f"”{words}”", f"“{words}”"))

    def value(self, value: float) -> str:
        return str(format_decimal(value, "0.0", locale=self.locale))

    def about(self, part: Part, top: int) -> str:
        name, mean = self.of(part.name), self.value(part.mean)
        if part.stands_out:
            found = Text(
                f"{name} ligger lägst, {mean} av {top}, och tydligt under helheten.",
                f"{name} is lowest, {mean} of {top}, and clearly below the whole.",
            )
        else:
            found = Text(
                f"{name} har lägst värde, {mean} av {top}, men skillnaden mot de andra delarna är "
                "inte större än vad slumpen kan ge.",
                f"{name} has the lowest value, {mean} of {top}, but the difference from the other "
                "parts is no larger than chance can make it.",
            )
        return self.of(found)

    def statement(self, one: Statement) -> str:
        quoted = self.quoted(self.of(one.text))
        turned = Text("omvänt påstående", "reversed statement")
        return f"{quoted} ({self.of(turned)})" if one.reversed else quoted

    def chance(self) -> str:
        return self.of(
            Text(
                "Ett enskilt påstående växlar lätt av en slump. Läs dem som något att prata om.",
                "A single statement easily varies by chance. Read them as something to talk about.",
            )
        )

    def left_out(self, ran: Sequence[Ran]) -> str:
        if not ran:
            return ""
        listed = format_list(
            [self.quoted(one.title) + f" ({self.day(one.on)})" for one in ran], locale=self.locale
        )
        return self.of(
            Text(
                f"Ni har redan gjort {listed}, så här står något annat.",
                f"You have already run {listed}, so here is something else.",
            )
        )

    def why(
        self, card: WorkshopCard, part: Part, people: int, ran: Ran | None, lately: set[str]
    ) -> str:
        reasons = [
            self.main(card, part),
            Text(f"Den tar {card.duration} minuter.", f"It takes {card.duration} minutes."),
            _EXPOSURE[card.exposure],
            self.size(card, people),
        ]
        if ran is not None:
            reasons.append(self.again(ran, lately=ran.slug in lately))
        return " ".join(self.of(reason) for reason in reasons)

    def main(self, card: WorkshopCard, part: Part) -> Text:
        if card.dimensions[0] == part.key:
            return Text(
                f"Workshopen handlar främst om {part.name.sv.lower()}.",
                f"This workshop is mainly about {part.name.en.lower()}.",
            )
        main = DIMENSION_NAMES[card.dimensions[0]]
        return Text(
            f"Workshopen handlar mest om {main.sv.lower()} men stärker också "
            f"{part.name.sv.lower()}.",
            f"This workshop is mostly about {main.en.lower()} but strengthens "
            f"{part.name.en.lower()} too.",
        )

    def size(self, card: WorkshopCard, people: int) -> Text:
        few, most = card.people
        if _fits(card, people):
            return Text(
                f"Den är gjord för {few} till {most} personer, och ni är {people}.",
                f"It is made for {few} to {most} people, and you are {people}.",
            )
        if people > most:
            return Text(
                f"Den är gjord för högst {most} personer, och ni är {people}: dela upp er.",
                f"It is made for {most} people at most, and you are {people}: split up.",
            )
        return Text(
            f"Den är gjord för minst {few} personer, och ni är {people}.",
            f"It is made for {few} people at least, and you are {people}.",
        )

    def again(self, ran: Ran, *, lately: bool) -> Text:
        when = self.day(ran.on)
        if lately:
            return Text(
                f"Ni har redan gjort den, {when}. Den står här eftersom få andra passar.",
                f"You have already run it, on {when}. It stands here since few others fit.",
            )
        return Text(
            f"Ni har redan gjort den, {when}. Efter mer än ett halvår kan den ge något nytt.",
            f"You have already run it, on {when}. After more than half a year it may bring "
            "something new.",
        )
