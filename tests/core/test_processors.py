"""Policy §7: production knows who is behind every host, and in which country."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.conftest import environment
from tests.web.test_pages import PRODUCTION
from trustivide import config, create_app
from trustivide.core import activities, processors
from trustivide.core.activities import ACCOUNTS, HOSTING, JSDELIVR, SERVICE_MAIL
from trustivide.core.errors import BootError

MAIL = {"recipient": "mail", "name": "Postbolaget (fiktivt)", "country": "SE"}
DRIFT = {"recipient": "hosting", "name": "Fjordhallen (fiktivt)", "country": "NO"}
GROUND = {"sv": "Standardavtalsklausuler (art. 46.2 c)", "en": "Standard clauses (Art. 46(2)(c))"}


@pytest.fixture(autouse=True)
def _as_declared() -> Iterator[None]:
    """Other tests read the recipients as they are declared."""
    yield
    activities.engage({})


def production(folder: Path, named: object, **more: str) -> dict[str, str]:
    return environment(
        folder,
        **PRODUCTION
        | {
            "DATABASE_URL": f"sqlite:///{folder}/trustivide.db",
            "LEDGER_URL": f"sqlite:///{folder}/ledger.db",
            "PROCESSORS": json.dumps(named),
        }
        | more,
    )


@pytest.mark.parametrize(
    ("setting", "address", "host"),
    [
        ("MAIL_SERVER", "smtp.utland.test", "smtp.utland.test"),
        ("DATABASE_URL", "postgresql://u:p@Db.Utland.test:5432/t", "db.utland.test"),
        ("DATABASE_URL", "postgres:///t?host=db.utland.test", "db.utland.test"),
        ("LEDGER_URL", "postgresql://a,b.utland.test/t", "b.utland.test"),
        ("REDIS_URL", "rediss://:p@kv.utland.test:6380/0", "kv.utland.test"),
        ("HTMX_URL", "https://cdn.utland.test/htmx.js", "cdn.utland.test"),
        ("HTMX_URL", "//cdn.utland.test/htmx.js", "cdn.utland.test"),
    ],
)
def test_a_host_that_belongs_to_nobody_stops_the_boot(
    tmp_path: Path, setting: str, address: str, host: str
) -> None:
    with pytest.raises(BootError) as refusal:
        config.load(production(tmp_path, {"mail.trustivide.test": MAIL}, **{setting: address}))
    (line,) = [
        text for text in str(refusal.value).splitlines() if f"{setting} reaches {host}" in text
    ]
    assert "PROCESSORS" in line


@pytest.mark.parametrize("ground", [None, GROUND])
def test_a_host_outside_the_eea_needs_its_ground(tmp_path: Path, ground: object) -> None:
    named = {"mail.trustivide.test": MAIL | {"country": "US", "ground": ground}}
    if ground:
        assert config.load(production(tmp_path, named)).recipients["mail"][0].country == "US"
        return
    with pytest.raises(BootError, match=r"MAIL_SERVER reaches mail\.trustivide\.test in US"):
        config.load(production(tmp_path, named))


def test_development_asks_for_no_names_but_for_grounds_all_the_same(tmp_path: Path) -> None:
    create_app(environment(tmp_path, MAIL_SERVER="smtp.utland.test"))
    abroad = json.dumps({"smtp.utland.test": MAIL | {"country": "US"}})
    with pytest.raises(BootError, match=r"outside the EEA \(US\)"):
        create_app(environment(tmp_path, MAIL_SERVER="smtp.utland.test", PROCESSORS=abroad))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "localhost",
        "127.8.0.1",
        "[::1]",
        "sqlite:////var/lib/t.db",
        "postgresql:///t?host=/run/postgresql",
        "postgresql+psycopg://u@127.0.0.1/t",
        "redis://localhost:6379/1",
        "unix:///run/redis.sock",
        "/static/vendor/htmx.min.js",
    ],
)
def test_loopback_sockets_and_files_are_the_operators_own(address: str) -> None:
    assert set(processors.hosts(address)) <= {processors.OWN}


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("[]", "must be JSON"),
        ("{", "must be JSON"),
        ('{"a.test": 1}', "a.test needs recipient, name and country"),
        ('{"a.test": {"recipient": "mail", "name": "A"}}', "a.test needs recipient"),
        ('{"a.test": {"recipient": "post", "name": "A", "country": "SE"}}', "unknown recipient"),
        ('{"a.test": {"recipient": "mail", "name": "A", "country": "Sverige"}}', "two letters"),
        ('{"a.test": {"recipient": "mail", "name": " ", "country": "SE"}}', "needs a name"),
        (
            json.dumps({"a.test": MAIL | {"country": "US", "ground": {"sv": "x"}}}),
            "in both sv and en",
        ),
    ],
)
def test_what_can_not_be_read_is_named(tmp_path: Path, named: str, said: str) -> None:
    with pytest.raises(BootError, match="PROCESSORS") as refusal:
        config.load(environment(tmp_path, PROCESSORS=named))
    assert said in str(refusal.value)


def test_the_named_ones_stand_in_the_tables_in_place_of_the_roles(tmp_path: Path) -> None:
    named = {"mail.trustivide.test": MAIL, "localhost": DRIFT}
    app = create_app(production(tmp_path, named))
    assert [(r.name.sv, r.country) for r in SERVICE_MAIL.recipients] == [
        ("Driftleverantör: Fjordhallen (fiktivt)", "NO"),
        ("E-postleverantör: Postbolaget (fiktivt)", "SE"),
    ]
    page = app.test_client().get("/privacy-policy/2", base_url="https://trustivide.test").text
    assert "Driftleverantör: Fjordhallen (fiktivt)" in page
    assert HOSTING.receives.sv in page


def test_two_hosting_providers_both_stand_there(tmp_path: Path) -> None:
    named = {"localhost": DRIFT, "db.exempel.test": DRIFT | {"name": "Dalhallen (fiktivt)"}}
    address = "postgresql://db.exempel.test/t"
    used = processors.in_use({"DATABASE_URL": address}, processors.read(json.dumps(named)))
    assert [r.name.en for r in used["hosting"]] == [
        "Hosting provider: Fjordhallen (fiktivt)",
        "Hosting provider: Dalhallen (fiktivt)",
    ]


def test_a_library_served_from_here_is_given_to_nobody(tmp_path: Path) -> None:
    create_app(environment(tmp_path, HTMX_URL="/static/vendor/htmx.min.js"))
    assert JSDELIVR not in ACCOUNTS.recipients
    create_app(environment(tmp_path))
    assert JSDELIVR in ACCOUNTS.recipients


def test_an_address_without_a_scheme_is_not_taken_for_an_own_path(
    tmp_path: Path,
) -> None:
    """Before sign-in nothing is loaded from others: `//host/…` is somebody else's."""
    app = create_app(environment(tmp_path, HTMX_URL="//cdn.utland.test/htmx.js"))
    client: FlaskClient = app.test_client()
    assert "cdn.utland.test" not in client.get("/auth/login").text


def test_every_setting_that_reaches_a_host_says_so() -> None:
    said = {s.name for s in config.SETTINGS if s.reaches}
    named = {s.name for s in config.SETTINGS if s.name.endswith(("_URL", "_SERVER"))}
    assert named - {"PUBLIC_URL"} == said
