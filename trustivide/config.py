"""Settings from the environment: one table, checked at boot, documented in the README."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from trustivide.core import processors
from trustivide.core.activities import Recipient
from trustivide.core.crypto import KeyRing
from trustivide.core.errors import BootError

DEVELOPMENT_SECRET = "development-only-secret"  # nosec B105 # noqa: S105  refused in production
HTMX_URL = "https://cdn.jsdelivr.net/npm/htmx.org@4.0.1/dist/htmx.min.js"
HTMX_INTEGRITY = "sha384-Qp9rdC8H7EqOoX+nR0P3RPG2Noji+qdwJlGpfzwQJsfOpp3sGwIdSP9xO3+UlEhn"


@dataclass(frozen=True)
class Setting:
    """One environment variable. ``required`` means that production won't boot without it.

    What ``reaches`` a host gives it data: production wants to know who that is.
    A ``secret`` may be kept in a file instead, named by ``<name>_FILE``.
    """

    name: str
    default: str
    meaning: str
    required: bool = False
    reaches: bool = False
    secret: bool = False

    @property
    def file(self) -> str:
        """The variable that names the file of a secret."""
        return f"{self.name}_FILE"

    @property
    def documented(self) -> str:
        """The meaning as the README gives it."""
        return f"{self.meaning}; or `{self.file}`" if self.secret else self.meaning


SETTINGS = (
    Setting("TRUSTIVIDE_ENV", "development", "`development` or `production`"),
    Setting(
        "SECRET_KEY", DEVELOPMENT_SECRET, "signs cookies; 32 characters or more", True, secret=True
    ),
    Setting(
        "TRUSTIVIDE_KEYS",
        "",
        "the key ring as JSON (`flask --app wsgi keys new` prints one); "
        "in development it is made once in `instance/keys.json`",
        True,
        secret=True,
    ),
    Setting(
        "DATABASE_URL",
        "",
        "main database; default SQLite in `instance/`",
        True,
        reaches=True,
        secret=True,
    ),
    Setting(
        "LEDGER_URL",
        "",
        "rights ledger, a second database; default SQLite in `instance/`",
        True,
        reaches=True,
        secret=True,
    ),
    Setting(
        "REDIS_URL",
        "",
        "wakes the worker and counts limits through Redis when set",
        reaches=True,
        secret=True,
    ),
    Setting(
        "PROCESSORS",
        "",
        "who is behind each host above and below, as JSON: "
        '`{"smtp.example.org": {"recipient": "mail", "name": "…", "country": "SE"}}`, outside the '
        'EEA with `"ground": {"sv": "…", "en": "…"}`; `localhost` is who runs this machine',
    ),
    Setting(
        "PUBLIC_URL",
        "http://localhost:5000",
        "where links in mail lead, and the one origin of passkeys",
        True,
    ),
    Setting("CONTACT_EMAIL", "contact@trustivide.com", "the address for privacy questions"),
    Setting(
        "MAIL_SERVER",
        "",
        "SMTP server; without one, development keeps mail as files",
        True,
        reaches=True,
    ),
    Setting("MAIL_PORT", "25", "SMTP port"),
    Setting("MAIL_USE_TLS", "false", "STARTTLS with a verified certificate"),
    Setting("MAIL_USE_SSL", "false", "TLS from the first byte"),
    Setting("MAIL_USERNAME", "", "SMTP user", secret=True),
    Setting("MAIL_PASSWORD", "", "SMTP password", secret=True),
    Setting(
        "MAIL_DEFAULT_SENDER",
        "Trustivide <no-reply@trustivide.example>",
        "From of every mail",
        True,
    ),
    Setting("HTMX_URL", HTMX_URL, "where pages after sign-in load htmx from", reaches=True),
    Setting("HTMX_INTEGRITY", HTMX_INTEGRITY, "its Subresource Integrity hash"),
    Setting("INSTANCE_PATH", "instance", "folder for the databases, files and keys of development"),
    Setting("PROXIES", "0", "how many trusted proxies set X-Forwarded-For in front"),
    Setting(
        "WEB_CONCURRENCY",
        "1",
        "how many web processes there are; gunicorn starts so many unless told otherwise",
    ),
)


@dataclass(frozen=True)
class Settings:
    """The settings, read and typed. ``values`` keeps the raw strings by name.

    ``own_keys`` is the file where development keeps a key ring that it made itself.
    """

    production: bool
    secret_key: str
    keys: KeyRing
    database_url: str
    ledger_url: str
    redis_url: str
    public_url: str
    contact_email: str
    instance: Path
    proxies: int
    processes: int
    recipients: Mapping[str, Sequence[Recipient]]
    values: Mapping[str, str]
    secret_files: Sequence[Path]
    own_keys: Path | None

    @property
    def secure_cookies(self) -> bool:
        """Whether people reach the service over TLS."""
        return self.public_url.startswith("https://")

    @property
    def own_htmx(self) -> bool:
        """Whether htmx comes from this site, so that no page asks anybody else for it."""
        return set(processors.hosts(self.values["HTMX_URL"])) == {processors.OWN}


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check the environment. Raises :class:`BootError` naming every wrong setting."""
    environ = os.environ if environ is None else environ
    given, wrong = _given(environ)
    values = {s.name: given.get(s.name) or s.default for s in SETTINGS}
    production = values["TRUSTIVIDE_ENV"] == "production"
    reached = {s.name: values[s.name] for s in SETTINGS if s.reaches}
    wrong += _production_problems(environ, values) if production else []
    try:
        named = processors.read(values["PROCESSORS"])
        wrong += processors.problems(reached, named) if production else []
    except ValueError as error:
        named = {}
        wrong.append(str(error))
    if values["TRUSTIVIDE_ENV"] not in {"development", "production"}:
        wrong.append("TRUSTIVIDE_ENV must be 'development' or 'production'")
    numbers = ("PROXIES", "MAIL_PORT", "WEB_CONCURRENCY")
    wrong += [f"{name} must be a whole number" for name in numbers if not values[name].isdigit()]
    if wrong:
        raise BootError("settings:\n  " + "\n  ".join(wrong))
    instance = Path(values["INSTANCE_PATH"]).absolute()
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    own_keys = None if values["TRUSTIVIDE_KEYS"] else instance / "keys.json"
    keys = values["TRUSTIVIDE_KEYS"] or _development_keys(instance / "keys.json")
    return Settings(
        production=production,
        secret_key=values["SECRET_KEY"],
        keys=KeyRing.from_json(keys),
        database_url=_database(values["DATABASE_URL"] or f"sqlite:///{instance}/trustivide.db"),
        ledger_url=_database(values["LEDGER_URL"] or f"sqlite:///{instance}/ledger.db"),
        redis_url=values["REDIS_URL"],
        public_url=values["PUBLIC_URL"].rstrip("/"),
        contact_email=values["CONTACT_EMAIL"],
        instance=instance,
        proxies=int(values["PROXIES"]),
        processes=int(values["WEB_CONCURRENCY"]),
        recipients=processors.in_use(reached, named),
        values=values,
        secret_files=[Path(environ[s.file]) for s in SETTINGS if s.secret and environ.get(s.file)],
        own_keys=own_keys,
    )


def _given(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """What is set, secrets read from their files; and what is wrong with those."""
    given = {s.name: environ[s.name] for s in SETTINGS if environ.get(s.name)}
    wrong = []
    for s in SETTINGS:
        if not (s.secret and environ.get(s.file)):
            continue
        if s.name in given:
            wrong.append(f"{s.name} and {s.file} are both set: which one counts?")
            continue
        try:
            # Editors and `echo` end a file with a line break that belongs to no secret.
            given[s.name] = Path(environ[s.file]).read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            wrong.append(f"{s.file} can't be read: {type(error).__name__}")
            continue
        if not given[s.name]:
            wrong.append(f"{s.file} is empty")
    return given, wrong


def _production_problems(environ: Mapping[str, str], values: Mapping[str, str]) -> list[str]:
    wrong = [
        f"{s.name} is missing: {s.meaning}"
        for s in SETTINGS
        if s.required and not (environ.get(s.name) or (s.secret and environ.get(s.file)))
    ]
    if values["SECRET_KEY"] == DEVELOPMENT_SECRET or len(values["SECRET_KEY"]) < 32:
        wrong.append("SECRET_KEY is a development value or shorter than 32 characters")
    if environ.get("FLASK_DEBUG", "").lower() not in {"", "0", "false", "no"}:
        wrong.append("FLASK_DEBUG must not be set: a debugger runs what anybody types")
    if urlsplit(values["PUBLIC_URL"]).scheme != "https":
        wrong.append("PUBLIC_URL must begin with https:// in production")
    if not ({"true"} & {values["MAIL_USE_TLS"].lower(), values["MAIL_USE_SSL"].lower()}):
        wrong.append("MAIL_USE_TLS or MAIL_USE_SSL must be true: mail is never sent in the clear")
    if "trustivide.example" in values["MAIL_DEFAULT_SENDER"]:
        wrong.append("MAIL_DEFAULT_SENDER is a development value")
    if values["DATABASE_URL"] and values["DATABASE_URL"] == values["LEDGER_URL"]:
        wrong.append("LEDGER_URL must be another database than DATABASE_URL")
    return wrong


def _database(url: str) -> str:
    """``postgres://`` and ``postgresql://`` both mean psycopg 3."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def keep_keys(path: Path, ring: KeyRing) -> None:
    """Put ``ring`` in the place of the one that is kept there, all of it or nothing."""
    _draft(path, ring).replace(path)


def _draft(path: Path, ring: KeyRing) -> Path:
    draft = path.with_suffix(f".{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(ring.to_json())
    return draft


def _development_keys(path: Path) -> str:
    """The development ring; made once, readable by its owner alone."""
    if not path.exists():
        draft = _draft(path, KeyRing.generate())
        # link() fails where rename() would replace: two processes that start
        # together must end up with the same ring.
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text()
