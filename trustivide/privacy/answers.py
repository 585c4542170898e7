"""What the desk's answers are begun from: a draft per right, and the grounds for a no.

GDPR Art. 12(4): a refusal says why, and that one can complain and go to court.
"""

from dataclasses import dataclass

from trustivide.core.text import Text

AUTHORITY = Text(
    "Integritetsskyddsmyndigheten (IMY), Box 8114, 104 20 Stockholm, imy@imy.se, www.imy.se",
    "The Swedish Authority for Privacy Protection (IMY), Box 8114, SE-104 20 Stockholm, "
    "imy@imy.se, www.imy.se",
)
"""Where one complains about us."""


@dataclass(frozen=True)
class Ground:
    """A ground for refusing, with its article of the GDPR."""

    key: str
    article: Text
    words: Text

    @property
    def whole(self) -> Text:
        """The ground with its article behind it."""
        return Text(
            f"{self.words.sv} ({self.article.sv})",
            f"{self.words.en} ({self.article.en})",
        )


COMPELLING = "21.1"
"""The ground on which an objection is overridden."""

_ALL = (
    Ground(
        "11.2",
        Text("art. 11.2 och 12.2", "Art. 11(2) and 12(2)"),
        Text(
            "Vi kan inte avgöra vilka uppgifter som är dina",
            "We can't tell which data is yours",
        ),
    ),
    Ground(
        "12.5a",
        Text("art. 12.5 a", "Art. 12(5)(a)"),
        Text(
            "Begäran är uppenbart ogrundad eller orimlig. Vi utför den mot en rimlig avgift",
            "The request is manifestly unfounded or excessive. We act on it for a reasonable fee",
        ),
    ),
    Ground(
        "12.5b",
        Text("art. 12.5 b", "Art. 12(5)(b)"),
        Text(
            "Begäran är uppenbart ogrundad eller orimlig",
            "The request is manifestly unfounded or excessive",
        ),
    ),
    Ground(
        "12.6",
        Text("art. 12.6", "Art. 12(6)"),
        Text(
            "Vi har inte kunnat kontrollera att begäran kommer från dig",
            "We have not been able to check that the request comes from you",
        ),
    ),
    Ground(
        "15.4",
        Text("art. 15.4", "Art. 15(4)"),
        Text("Svaret skulle röja någon annan", "The answer would give somebody else away"),
    ),
    Ground(
        "16",
        Text("art. 16", "Art. 16"),
        Text("Uppgiften är riktig som den står", "The data is accurate as it stands"),
    ),
    Ground(
        "17.1",
        Text("art. 17.1", "Art. 17(1)"),
        Text(
            "Uppgifterna behövs fortfarande för det som de samlades in för",
            "The data is still needed for what it was collected for",
        ),
    ),
    Ground(
        "17.3b",
        Text("art. 17.3 b", "Art. 17(3)(b)"),
        Text("Lagen kräver att vi har kvar uppgifterna", "The law requires us to keep the data"),
    ),
    Ground(
        "17.3e",
        Text("art. 17.3 e", "Art. 17(3)(e)"),
        Text(
            "Uppgifterna behövs för ett rättsligt anspråk",
            "The data is needed for a legal claim",
        ),
    ),
    Ground(
        "18.1",
        Text("art. 18.1", "Art. 18(1)"),
        Text(
            "Inget av skälen för begränsning är uppfyllt",
            "None of the grounds for restriction is met",
        ),
    ),
    Ground(
        COMPELLING,
        Text("art. 21.1", "Art. 21(1)"),
        Text(
            "Vi har tvingande berättigade skäl som väger tyngre, eller behöver uppgifterna för "
            "ett rättsligt anspråk",
            "We have compelling legitimate grounds that override, or need the data for a "
            "legal claim",
        ),
    ),
)
GROUNDS = {ground.key: ground for ground in _ALL}

_OWN_PAGES = Text(
    "Öppna Min integritet; länken står längst ner i mejlet. Har du inget konto skriver du din "
    "adress, så kommer en länk som öppnar sidan.",
    "Open My privacy; the link is at the bottom of this mail. If you have no account, write your "
    "address there, and a link that opens the page is mailed to you.",
)
_DRAFTS = {
    "access": Text(
        "Du bad att få se vilka uppgifter vi har om dig. Där finns alla, med ändamål, mottagare "
        "och hur länge vi har dem, och du kan ladda ner dem. " + _OWN_PAGES.sv,
        "You asked to see what data we hold about you. All of it is there, with purposes, "
        "recipients and how long we keep it, and you can download it. " + _OWN_PAGES.en,
    ),
    "correct": Text(
        "Du bad oss rätta en uppgift om dig. Det är gjort, och det gamla värdet finns inte kvar. "
        "De som fått uppgiften av oss har fått veta det.",
        "You asked us to correct data about you. That is done, and the old value is gone. "
        "Those who had the data from us have been told.",
    ),
    "erase": Text(
        "Du bad oss radera dina uppgifter. Du kan göra det själv, se innan vad som försvinner "
        "och få ett undertecknat kvitto. " + _OWN_PAGES.sv,
        "You asked us to erase your data. You can do so yourself, see beforehand what goes, and "
        "get a signed receipt. " + _OWN_PAGES.en,
    ),
    "restrict": Text(
        "Du bad oss att inte använda dina uppgifter tills vidare. Under Mina val slår du på det "
        "med ett reglage, för allt eller för ett ändamål, och det gäller från samma sekund. "
        + _OWN_PAGES.sv,
        "You asked us not to use your data for the time being. Under My choices a switch does "
        "that, for everything or for one purpose, from the same second. " + _OWN_PAGES.en,
    ),
    "object": Text(
        "Du invände mot hur vi använder dina uppgifter. Vi ger dig rätt: vi har slutat, och "
        "börjar inte igen.",
        "You objected to how we use your data. You are right: we have stopped, and will not "
        "start again.",
    ),
}


def draft(kind: str, locale: str) -> str:
    """The beginning of an answer to a request of this kind, in ``locale``, to be finished."""
    return _DRAFTS[kind].in_(locale) if kind in _DRAFTS else ""
