"""The words beside an item's figures, the same on pages, in reports and in files."""

from typing import Any

from trustivide.core.text import Text
from trustivide.surveys.catalogue import POINTS, SCALE10, TOP, Item, agreement_labels
from trustivide.surveys.item_figures import HALF_OR_MORE, LESS_THAN_HALF, NONE, SOME

SHARES = {
    NONE: Text("Ingen", "Nobody"),
    SOME: Text("Någon, men färre än hälften", "Somebody, but fewer than half"),
    LESS_THAN_HALF: Text("Färre än hälften, kanske ingen", "Fewer than half, perhaps nobody"),
    HALF_OR_MORE: Text("Hälften eller fler", "Half or more"),
}
"""How many chose an option, where a group is too small for counts."""
SCALE_BANDS = ("0–3", "4–6", "7–10")


def item_labels(item: Item, locale: str) -> dict[str, Any]:
    """Words for an item's row in a snapshot, as ``charts.html`` wants them.

    Agreement: ``points`` and ``bands``, in the order of its distribution's counts. A
    scale from 0 to 10 has them too, and ``low`` and ``high`` where its ends have words.
    Choices: ``options`` and ``shares`` by key. Empty for a text.
    """
    if item.kind in POINTS:
        return agreement_labels(item.kind, locale)
    if item.kind == SCALE10:
        low, high = (end.in_(locale) for end in item.ends) if item.ends else (None, None)
        points = [str(point) for point in range(TOP + 1)]
        return {"points": points, "bands": list(SCALE_BANDS), "low": low, "high": high}
    if not item.options:
        return {}
    return {
        "options": {option.key: option.label.in_(locale) for option in item.options},
        "shares": {share: words.in_(locale) for share, words in SHARES.items()},
    }
