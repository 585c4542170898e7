"""Secrets come from the environment or from files, never from both."""

from pathlib import Path

import pytest

from tests.conftest import RING
from tests.web.test_pages import PRODUCTION
from trustivide import config
from trustivide.core.errors import BootError

SECRETS = [s for s in config.SETTINGS if s.secret]


def test_every_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    values = {s.name: f"from the file of {s.name}" for s in SECRETS}
    values |= {"TRUSTIVIDE_KEYS": RING.to_json(), "REDIS_URL": "redis://localhost"}
    environ = {"INSTANCE_PATH": str(tmp_path / "instance")}
    for name, value in values.items():
        (tmp_path / name).write_text(value + "\n")
        environ[f"{name}_FILE"] = str(tmp_path / name)
    settings = config.load(environ)
    assert {name: settings.values[name] for name in values} == values
    assert settings.keys.to_json() == RING.to_json()
    assert len(settings.secret_files) == len(SECRETS)
    assert {"SECRET_KEY", "TRUSTIVIDE_KEYS", "DATABASE_URL", "LEDGER_URL"} <= set(values)
    assert {"REDIS_URL", "MAIL_PASSWORD"} <= set(values)
    assert (tmp_path / "instance").stat().st_mode & 0o777 == 0o700


def test_a_secret_given_twice_or_unreadable_stops_the_boot(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("kantarellen i backen är gul och god")
    environ = {"INSTANCE_PATH": str(tmp_path), "SECRET_KEY_FILE": str(file)}
    with pytest.raises(BootError, match="SECRET_KEY and SECRET_KEY_FILE are both set") as refusal:
        config.load({**environ, "SECRET_KEY": "y" * 40})
    assert "kantarellen" not in str(refusal.value)
    file.write_bytes(b"\xff\xfe")
    for path in (file, tmp_path, tmp_path / "missing"):
        with pytest.raises(BootError, match="SECRET_KEY_FILE can't be read"):
            config.load({**environ, "SECRET_KEY_FILE": str(path)})


def test_a_ring_that_writes_with_a_missing_key_stops_the_boot() -> None:
    for wrong in ("7", '"1"', "[]", "{}"):
        text = RING.to_json().rstrip("}\n ") + f'}}, "writes_with": {wrong}}}'
        with pytest.raises(BootError, match="writes_with"):
            config.KeyRing.from_json(text)


def test_production_takes_its_secrets_from_files_too(tmp_path: Path) -> None:
    values = {
        "SECRET_KEY": "a secret for tests, long enough to be one",
        "TRUSTIVIDE_KEYS": RING.to_json(),
        "DATABASE_URL": f"sqlite:///{tmp_path}/trustivide.db",
        "LEDGER_URL": f"sqlite:///{tmp_path}/ledger.db",
    }
    environ = {**PRODUCTION, "INSTANCE_PATH": str(tmp_path)}
    for name, value in values.items():
        (tmp_path / name).write_text(value)
        environ[f"{name}_FILE"] = str(tmp_path / name)
    assert config.load(environ).secret_key == values["SECRET_KEY"]
    (tmp_path / "SECRET_KEY").write_text("")
    with pytest.raises(BootError, match="SECRET_KEY_FILE is empty"):
        config.load(environ)
