"""Words and their stems, in Swedish and English."""

import re
import unicodedata

import snowballstemmer

_ACCENTS = re.compile(r"[\u0300-\u036f]+")
_WORD = re.compile(r"\w+(?:'\w+)*")
_STEMMERS = {"sv": "swedish", "en": "english"}


def words(text: str) -> list[str]:
    """The words of ``text`` in order, lower-cased and without accents: "Förmåga" is "formaga".

    Whoever has no å, ä or ö on the keyboard finds the same as everybody else.
    """
    decomposed = unicodedata.normalize("NFD", text.lower().replace("’", "'"))
    return _WORD.findall(_ACCENTS.sub("", decomposed))


def stem(word: str, language: str) -> str:
    """The stem of one of :func:`words` by Snowball's rules for Swedish or English.

    Snowball leaves the article of Swedish neuter nouns on. Cutting it off makes a few words
    alike that aren't (plan, planet); missing half of all definite forms would be worse.
    Raises :class:`ValueError` for any other language.
    """
    if language not in _STEMMERS:
        raise ValueError(f"no stemmer for language {language!r}")
    # A stemmer keeps the word it works on as state, so threads must not share one.
    found: str = snowballstemmer.stemmer(_STEMMERS[language]).stemWord(word)
    return re.sub(r"(?<=...)(et)+$", "", found) if language == "sv" else found
