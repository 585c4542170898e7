"""A receipt on paper: its words in the reader's language, and the PDF made of them."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import current_app
from flask_babel import gettext as _

from trustivide.core import children
from trustivide.privacy import receipt
from trustivide.web.locale import day, language, moment, text

_TEMPLATE = Path(__file__).parent.parent / "receipt.typ"


def receipt_pdf(body: dict[str, Any]) -> bytes:
    """The receipt as a tagged PDF with the signed JSON inside; it names nobody, and no code.

    Raises :class:`subprocess.SubprocessError` if it can't be made.
    """
    words = json.dumps(_document(body), ensure_ascii=False).encode()
    return children.run("trustivide.core.typeset", str(_TEMPLATE), given=words)


def _document(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "language": language(),
        "title": _("Kvitto på radering"),
        "page": _("Sida {page} av {pages}"),
        "lead": _lead(body),
        "facts": _facts(body),
        "done": {
            "heading": _("Vad som gjordes"),
            "columns": [_("Kategori"), _("Raderade"), _("Tömda"), _("Kvar")],
            "rows": [
                [text(line.label), str(line.deleted), str(line.blanked), str(line.kept)]
                for line in receipt.lines(body)
            ],
        },
        "lists": [part for part in _lists(body) if part["items"]],
        "proof": _proof(body),
        "json": json.dumps(body, ensure_ascii=False, indent=1, sort_keys=True),
        "json_name": f"kvitto-{body['id']}.json",
        "json_about": _("Kvittot som undertecknad JSON"),
    }


def _lead(body: dict[str, Any]) -> str:
    when = moment(datetime.fromisoformat(body["completed_at"]))
    if body.get("complete", True):
        return _("Raderingen blev klar %(moment)s.", moment=when)
    return _(
        "Raderingen gjordes %(moment)s, utom det som bevaras för ett rättsligt anspråk. "
        "Det raderas när anspråket är över, och då kommer ett nytt kvitto.",
        moment=when,
    )


def _facts(body: dict[str, Any]) -> list[tuple[str, str]]:
    def at(name: str) -> str:
        return moment(datetime.fromisoformat(body[name]))

    return [
        (_("Kvitto"), body["id"]),
        (_("Begäran"), body["request"]),
        (_("Inkom"), at("received_at")),
        (_("Bekräftad"), at("confirmed_at")),
        (_("Skulle vara klar senast"), day(datetime.fromisoformat(body["due_on"]))),
        (_("Klar"), at("completed_at")),
        (_("Vem det gäller, som kontrollvärde"), body["subject"]["value"]),
    ]


def _lists(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "heading": _("Vad som är kvar, och varför"),
            "items": [_remaining(each) for each in receipt.remaining(body)],
        },
        {
            "heading": _("Vilka mottagare som fått veta"),
            "items": [
                f"{text(name)}: {text(state)} ({count})"
                for name, state, count in receipt.told(body)
            ],
        },
        {"heading": _("Och i övrigt"), "items": _besides(body)},
    ]


def _besides(body: dict[str, Any]) -> list[str]:
    keys = ("published_aggregates", "exports", "backups", "uncounted")
    said: list[str] = [body[key][language()] for key in keys if key in body]
    if body["tables"].get("suppression"):
        said.append(
            _(
                "Ditt nej till utskick gäller fortfarande. Vi har kvar ett kontrollvärde av "
                "adressen för det, men inte adressen."
            )
        )
    return said


def _remaining(each: receipt.Remaining) -> str:
    columns = ", ".join(text(label) for label in each.columns)
    what = f"{text(each.label)} ({columns})" if columns else text(each.label)
    said = f"{what}: {text(each.ground)}"
    if each.until is not None:
        return said + " " + _("(längst till och med %(day)s)", day=day(each.until))
    return said


def _proof(body: dict[str, Any]) -> dict[str, Any]:
    address = current_app.config["SETTINGS"].public_url + "/privacy/receipt"
    signature = body["signature"]
    return {
        "heading": _("Så kontrollerar du kvittot"),
        "text": _(
            "Kvittot är undertecknat. Samma innehåll ligger som en JSON-fil inuti det här "
            "dokumentet. Ladda upp den filen på %(address)s, så svarar sidan om den är utfärdad "
            "av oss och oförändrad.",
            address=address,
        ),
        "subject": _subject(body),
        "facts": [
            (_("Underskrift (Ed25519)"), signature["value"]),
            (_("Publik nyckel"), signature["public_key"]),
            (_("Nyckelns nummer"), str(signature["key_version"])),
        ],
    }


def _subject(body: dict[str, Any]) -> str:
    if body["subject"].get("kind") == "organisation":
        return _(
            "Kontrollvärdet är HMAC-SHA-256 av organisationens namn, med små bokstäver, med "
            "kvittots kod som nyckel. Bara den som har koden, som inte står här, kan räkna fram "
            "det."
        )
    return _(
        "Kontrollvärdet är HMAC-SHA-256 av e-postadressen med kvittots kod som nyckel. Bara "
        "den som har koden, som inte står här, kan räkna fram det."
    )
