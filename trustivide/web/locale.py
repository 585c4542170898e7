"""Swedish by default, English in full: by account, cookie, then Accept-Language."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent
from flask import Flask, has_request_context, request
from flask_babel import Babel, get_locale, gettext

from trustivide.core.clock import STOCKHOLM
from trustivide.core.cookies import LANGUAGE
from trustivide.core.text import Text
from trustivide.web import cookies

LOCALES = ("sv", "en")


def language() -> str:
    """The current language, "sv" or "en"."""
    locale = get_locale()
    return locale.language if locale else "sv"


def init_app(app: Flask, account_locale: Callable[[], str | None]) -> None:
    """Install the locale selector, and filters for days, moments, numbers and declared texts."""

    def select() -> str:
        if not has_request_context():
            return "sv"
        answering = request.path.startswith("/s/")  # there the account plays no part
        chosen = (None if answering else account_locale()) or cookies.read(LANGUAGE)
        if chosen in LOCALES:
            return str(chosen)
        return request.accept_languages.best_match(LOCALES, "sv") or "sv"

    app.config.setdefault("BABEL_DEFAULT_LOCALE", "sv")
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", "../translations")
    Babel(app, locale_selector=select, default_timezone="Europe/Stockholm")
    app.jinja_env.filters.update(
        day=day,
        last_day=last_day,
        month=month,
        moment=moment,
        iso_moment=iso_moment,
        number=number,
        decimalformat=decimal,
        percentformat=percent,
        text=text,
        country=country,
    )
    app.jinja_env.globals["get_locale"] = get_locale


def day(value: date | datetime) -> str:
    """ "22 november 2026", in Swedish time."""
    return _dated(_in_sweden(value), "d MMMM yyyy", language())


def month(value: date | datetime) -> str:
    """ "nov. 2026", in Swedish time."""
    return _dated(_in_sweden(value), "MMM yyyy", language())


def _in_sweden(value: date | datetime) -> date:
    return value.astimezone(STOCKHOLM).date() if isinstance(value, datetime) else value


@lru_cache(maxsize=1024)
def _dated(value: date, pattern: str, locale: str) -> str:
    return format_date(value, pattern, locale=locale)


def last_day(value: datetime) -> str:
    """The last whole day before a closing at midnight."""
    return day(value - timedelta(seconds=1))


def moment(value: datetime) -> str:
    """ "22 november 2026 kl. 14.05", in Swedish time."""
    return gettext("%(day)s kl. %(clock)s", day=day(value), clock=clock_of(value))


def clock_of(value: datetime) -> str:
    """ "14.05", in Swedish time; "14:05" in English."""
    return f"{value.astimezone(STOCKHOLM):{'%H.%M' if language() == 'sv' else '%H:%M'}}"


def iso_moment(value: str) -> str:
    """A moment that travelled as an ISO 8601 string, in a mail's parameters say."""
    return moment(datetime.fromisoformat(value))


def number(value: int) -> str:
    """ "1 000 000", grouped as the language does."""
    return decimal(value)


def decimal(value: float, pattern: str | None = None) -> str:
    """ "3,25": a number in the language's way, or as a CLDR pattern says."""
    return _formatted(format_decimal, value, pattern, language())


def percent(value: float) -> str:
    """ "38 %": a share in the language's way, in whole per cent."""
    return _formatted(format_percent, value, None, language())


@lru_cache(maxsize=4096)
def _formatted(how: Callable[..., str], value: float, pattern: str | None, locale: str) -> str:
    # A page of results has hundreds of numbers, and many of them are alike.
    return how(value, pattern, locale=locale)


def text(value: Text) -> str:
    """A declared text in the current language."""
    return value.in_(language())


def country(code: str) -> str:
    """ "Sverige (SE)": the country of an ISO 3166-1 code, in the current language."""
    named = Locale.parse(language()).territories.get(code)
    return f"{named} ({code})" if named else code
