"""Every cookie that the product sets: what sets one takes its name, life and path from here.

Only such as the service can't do without; hence nobody is asked (LEK 2022:482, 9 kap. 28 §).
Nothing is kept in the browser's other stores.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from trustivide.core.text import Text

_UNITS = (
    (timedelta(days=365), Text("år", "year"), Text("år", "years")),
    (timedelta(days=1), Text("dag", "day"), Text("dagar", "days")),
    (timedelta(hours=1), Text("timme", "hour"), Text("timmar", "hours")),
    (timedelta(minutes=1), Text("minut", "minute"), Text("minuter", "minutes")),
)


@dataclass(frozen=True)
class Cookie:
    """One cookie, or one per survey: then its name and path end with the survey's id.

    ``life`` is the longest that it lives, counted as ``counted`` says; ``prefix``
    binds it to this host or to TLS wherever people reach the service over TLS.
    """

    name: str
    purpose: Text
    life: timedelta
    counted: Text
    path: str
    prefix: str = ""
    per_survey: bool = False

    def called(self, *, secure: bool, survey: UUID | None = None) -> str:
        """The name as the browser knows it."""
        own = f"{self.name}-{survey.hex}" if survey else self.name
        return f"{self.prefix if secure else ''}{own}"

    def sent_to(self, survey: UUID | None = None) -> str:
        """The path below which it is sent, and nowhere else."""
        return f"{self.path}{survey}" if survey else self.path

    @property
    def seconds(self) -> int:
        """``life`` in seconds, for Max-Age."""
        return int(self.life.total_seconds())

    @property
    def lasts(self) -> Text:
        """How long it lives, in words."""
        unit, one, many = next(u for u in _UNITS if self.life >= u[0])
        count = self.life // unit
        word = one if count == 1 else many
        return Text(f"{count} {word.sv} {self.counted.sv}", f"{count} {word.en} {self.counted.en}")


SESSION = Cookie(
    "session",
    Text(
        "Håller dig inloggad, skyddar formulär mot andra webbplatser och bär besked till nästa "
        "sida",
        "Keeps you signed in, protects forms from other sites and carries messages to the next "
        "page",
    ),
    timedelta(hours=12),
    Text(
        "efter den senaste sidan; utan inloggning tills webbläsaren stängs",
        "after the last page; without sign-in until the browser closes",
    ),
    "/",
    "__Host-",
)
DEVICE = Cookie(
    "device",
    Text(
        "Känner igen din webbläsare när du loggar in, så att vi kan mejla dig om en ny enhet och "
        "så att andras gissningar inte stänger ute dig",
        "Recognises your browser when you sign in, so that we can mail you about a new device "
        "and so that other people's guesses don't lock you out",
    ),
    timedelta(days=365),
    Text("efter den senaste inloggningen", "after the latest sign-in"),
    "/",
    "__Host-",
)
LANGUAGE = Cookie(
    "language",
    Text("Minns vilket språk du valt", "Remembers the language that you chose"),
    timedelta(days=365),
    Text("efter valet", "after the choice"),
    "/",
    "__Host-",
)
VISIT = Cookie(
    "privacy_session",
    Text(
        "Håller integritetscentret öppet efter en mejlad länk",
        "Keeps the privacy centre open after a mailed link",
    ),
    timedelta(minutes=30),
    Text("efter att länken öppnats", "after the link was opened"),
    "/privacy",
    "__Secure-",
)
SURVEY_LINK = Cookie(
    "link",
    Text(
        "Ger rätt att svara på en enkät, så att länken inte står i adressfältet",
        "Gives the right to answer a survey, so that the link isn't in the address bar",
    ),
    timedelta(days=90),
    Text("efter att länken öppnats", "after the link was opened"),
    "/s/survey/",
    "__Secure-",
    per_survey=True,
)
SURVEY_DRAFT = Cookie(
    "draft",
    Text(
        "Nyckeln till svar som du påbörjat på den här enheten; borta när du skickat in",
        "The key to answers begun on this device; gone once you have submitted",
    ),
    timedelta(days=90),
    Text(
        "efter att frågorna senast öppnades eller sparades",
        "after the questions were last opened or saved",
    ),
    "/s/survey/",
    "__Secure-",
    per_survey=True,
)
RECEIPT = Cookie(
    "receipt",
    Text(
        "Håller dina svar öppna efter att du skrivit in kvittokoden",
        "Keeps your answers open after you entered the receipt code",
    ),
    timedelta(minutes=30),
    Text("efter att koden skrivits in", "after the code was entered"),
    "/s/receipt",
    "__Secure-",
)

ALL = (SESSION, DEVICE, LANGUAGE, VISIT, SURVEY_LINK, SURVEY_DRAFT, RECEIPT)
