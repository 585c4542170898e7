"""The words of the printed result, in both languages side by side."""

from trustivide.core.text import Text
from trustivide.surveys import results

WORDS = {
    "kicker": Text("Enkätresultat", "Survey result"),
    "document": Text("Enkätresultat för {team}", "Survey result of {team}"),
    "page": Text("Sida {{page}} av {{pages}}", "Page {{page}} of {{pages}}"),
    "opened": Text("Öppnade", "Opened"),
    "closed": Text("Stängde", "Closed"),
    "answered": Text("Har svarat", "Have answered"),
    "of": Text("{n} av {of}", "{n} of {of}"),
    "too_few": Text(
        "Inget resultat visas, eftersom färre än {k} har svarat. Så skyddas de som svarade: med så "
        "få går det att räkna ut vem som svarat vad.",
        "No result is shown, since fewer than {k} have answered. This protects those who did: "
        "with so few it could be worked out who answered what.",
    ),
    "too_few_then": Text(
        "Det säger inget om hur ni har det. Fråga gärna teamet igen längre fram, eller prata om "
        "det utan siffror först.",
        "It says nothing about how things are. Ask the team again later on, or talk about it "
        "without figures first.",
    ),
    "overall": Text("I stort", "Overall"),
    "out_of": Text("av {top}", "of {top}"),
    "level": Text(
        "Teamets värde är {mean} av {top}, ungefär ”{words}” på skalan.",
        "The team's value is {mean} of {top}, roughly “{words}” on the scale.",
    ),
    "range": Text(
        "Med så här många svar ligger det troligen mellan {low} och {high}.",
        "With this many answers it probably lies between {low} and {high}.",
    ),
    "range_all": Text(
        "Alla har svarat, så det gäller hela teamet. Osäkerheten, {low} till {high}, är bara "
        "vägledande: så mycket kan värdet växla av en slump.",
        "Everyone has answered, so it holds for the whole team. The interval, {low} to {high}, is "
        "only indicative: the value can vary that much by chance.",
    ),
    "agreement": Text("{verdict} (r*wg {value}).", "{verdict} (r*wg {value})."),
    "divided": Text(
        "Medelvärdet döljer då att ni har det olika. Titta på hur svaren fördelar sig innan ni "
        "drar slutsatser.",
        "The mean then hides that you see things differently. Look at how the answers spread "
        "before you draw conclusions.",
    ),
    "people_by_mean": Text(
        "Antal personer efter sitt eget medelvärde.", "Number of people by their own mean."
    ),
    "people_by_mean_in_part": Text(
        "Antal personer efter sitt eget medelvärde i delen.",
        "Number of people by their own mean in this part.",
    ),
    "withheld": Text("Visas inte, eftersom {reason}.", "Not shown, since {reason}."),
    "not_shown": Text("Visas inte", "Not shown"),
    "standing_out": Text("Det som sticker ut", "What stands out"),
    "strong_parts": Text("Delar som är starka hos er", "Parts that are strong with you"),
    "weak_parts": Text("Delar att stärka", "Parts to strengthen"),
    "strong_items": Text("Påståenden där ni står starkt", "Statements where you stand strong"),
    "weak_items": Text("Påståenden att prata om", "Statements to talk about"),
    "quoted": Text("”{text}”", "“{text}”"),
    "strong_items_reversed": Text(
        "(omvänt påstående: ni instämmer inte)", "(reversed statement: you disagree)"
    ),
    "weak_items_reversed": Text(
        "(omvänt påstående: ni instämmer)", "(reversed statement: you agree)"
    ),
    "only_clear": Text(
        "Här står bara det som skiljer sig mer från medelvärdet än vad slumpen rimligen ger.",
        "Here stands only what differs more from the mean than chance would reasonably make it.",
    ),
    "nothing_clear": Text(
        "Inget sticker säkert ut. Skillnaderna är inte större än vad slumpen kan ge med så här "
        "många svar, så läs inte in någon rangordning i dem.",
        "Nothing clearly stands out. The differences are no larger than chance can make them with "
        "this many answers, so read no ranking into them.",
    ),
    "items_from_ten": Text(
        "Enskilda påståenden jämförs när minst tio har svarat.",
        "Single statements are compared once ten or more have answered.",
    ),
    "changes": Text("Sedan förra gången", "Since last time"),
    "changes_lead": Text(
        "Jämfört med enkäten som stängde {day}. Svaren från två enkäter går inte att koppla ihop, "
        "så jämförelsen gäller teamet och inte enskilda personer.",
        "Compared with the survey that closed on {day}. Answers of two surveys can't be linked, "
        "so the comparison is of the team and not of single persons.",
    ),
    "changes_read": Text(
        "Högre eller lägre står bara när hela intervallet ligger på samma sida om noll. Ingen "
        "säker förändring betyder att det inte går att säga, inte att allt är som förut.",
        "Higher or lower stands only where the whole interval lies on one side of zero. No clear "
        "change means that it can't be told, not that all is as before.",
    ),
    "what": Text("Vad", "What"),
    "verdict": Text("Omdöme", "Verdict"),
    "then": Text("Då", "Then"),
    "now": Text("Nu", "Now"),
    "difference": Text("Skillnad, 95 % intervall", "Difference, 95% interval"),
    "difference_of": Text("{value} ({low} till {high})", "{value} ({low} to {high})"),
    results.HIGHER: Text("Högre", "Higher"),
    results.LOWER: Text("Lägre", "Lower"),
    results.SAME: Text("Ingen säker förändring", "No clear change"),
    f"obstacle_{results.NOT_SHOWN}": Text(
        "För få svar någon av gångerna", "Too few answers one of the times"
    ),
    f"obstacle_{results.OTHER_SCALE}": Text(
        "Går inte att jämföra: skalan är en annan", "Can't be compared: the scale is another"
    ),
    f"obstacle_{results.OTHER_ITEMS}": Text(
        "Går inte att jämföra: andra frågor ligger bakom",
        "Can't be compared: other questions lie behind it",
    ),
    f"obstacle_{results.NO_SPREAD}": Text(
        "En enskild fråga jämförs när minst tio har svarat båda gångerna",
        "A single question is compared once ten or more have answered both times",
    ),
    "over_time": Text("Över tid: {what}", "Over time: {what}"),
    "parts": Text("Delarna", "The parts"),
    "parts_lead": Text(
        "Delarna hänger ihop. Läs skillnaderna mellan dem försiktigt, särskilt där strecken "
        "överlappar.",
        "The parts hang together. Read the differences between them with care, above all where "
        "the lines overlap.",
    ),
    "chart": Text(
        "En punkt visar medelvärdet på skalan 1–{top}, strecket var värdet troligen ligger.",
        "A dot shows the mean on the scale 1–{top}, the line where the value probably lies.",
    ),
    "chart_alt": Text(
        "Medelvärde och 95 procents intervall per del. {rows}.",
        "Mean and 95 per cent interval of each part. {rows}.",
    ),
    "part": Text("Del", "Part"),
    "mean": Text("Medel", "Mean"),
    "interval": Text("95 % intervall", "95% interval"),
    "n": Text("Antal svar", "Answers"),
    "clipped": Text(
        "* Intervallet är kapat där skalan slutar.", "* The interval is cut where the scale ends."
    ),
    "indicative": Text(
        "Alla har svarat. Medelvärdet gäller därför hela teamet, och intervallet är bara "
        "vägledande.",
        "Everyone has answered. The mean is therefore that of the whole team, and the interval is "
        "only indicative.",
    ),
    "counted": Text(
        "Räknat på {shown} av {total} frågor, eftersom för få svarat på resten.",
        "Computed from {shown} of {total} questions, since too few answered the rest.",
    ),
    "items": Text("Fråga för fråga", "Question by question"),
    "items_beside": Text("Frågor utanför delarna", "Questions beside the parts"),
    "reversed": Text(
        "Omvänd fråga: att hålla med drar ner värdet. Så här svarade ni, utan att vända.",
        "Reversed question: agreeing lowers the value. This is how you answered, not turned.",
    ),
    "missing": Text("Kan inte svara eller inget svar", "Can't say, or no answer"),
    "scale": Text(
        "Medel: {mean} av 10. 95 % intervall: {span}.", "Mean: {mean} of 10. 95% interval: {span}."
    ),
    "outwards": Text(
        "Med få svar är intervallet avrundat utåt till hela poäng.",
        "With few answers the interval is rounded outwards to whole points.",
    ),
    "indicative_short": Text(
        "Alla har svarat, så intervallet är bara vägledande.",
        "Everyone has answered, so the interval is only indicative.",
    ),
    "answer": Text("Svar", "Answer"),
    "how_many": Text("Hur många av {n}", "How many of {n}"),
    "in_words": Text(
        "Med färre än tio svar visas ord i stället för antal, så att inget svar pekar ut någon.",
        "With fewer than ten answers there are words instead of counts, so that no answer points "
        "at anyone.",
    ),
    "several": Text(
        "Man kunde välja flera, så antalen blir tillsammans fler än de som svarade.",
        "Several could be chosen, so the counts add up to more than those who answered.",
    ),
    "comments": Text("Kommentarer", "Comments"),
    "shuffled": Text("Ordagrant och i blandad ordning.", "Word for word and in no order."),
    "few_comments": Text(
        "Kommentarer visas när minst {k} har skrivit något.",
        "Comments are shown once at least {k} have written something.",
    ),
    "rest": Text(
        "Här står de första. De övriga {n} finns på resultatets sida.",
        "These are the first. The other {n} are on the result's page.",
    ),
    "next": Text("Något att göra härnäst", "Something to do next"),
    "next_lowest": Text(
        "De här påståendena i den delen ligger lägst: {statements}",
        "These statements in that part are lowest: {statements}",
    ),
    "method": Text("Så är det räknat", "How it is computed"),
    "method_means": Text(
        "Medelvärden: en del är medelvärdet av sina frågors medelvärden, med omvända frågor vända.",
        "Means: a part is the mean of its questions' means, with reversed questions turned.",
    ),
    "method_interval": Text(
        "Osäkerhet: ett 95-procentigt intervall efter Student. I små team är det brett.",
        "Uncertainty: Student's 95 per cent interval. In small teams it is wide.",
    ),
    "method_agreement": Text(
        "Samstämmighet: r*wg(j). 1 är att alla svarar lika, 0 är så spridda svar som slumpen ger.",
        "Agreement: r*wg(j). 1 means that all answer alike, 0 that answers are as spread as by "
        "chance.",
    ),
    "method_k": Text(
        "Ingen siffra bygger på färre än {k} svar, och resultatet är låst sedan enkäten stängde.",
        "No figure rests on fewer than {k} answers, and the result is locked since the survey "
        "closed.",
    ),
    "glyphs": Text(
        "Tecken som typsnittet saknar, till exempel emojier, står som {mark}. De syns på "
        "resultatets sida.",
        "Characters that the typeface lacks, emoji for instance, stand as {mark}. They are seen on "
        "the result's page.",
    ),
}
"""By what they are for. Where the page says the same, the words are the same."""
