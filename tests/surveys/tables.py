"""Reading a page's tables as a person does who can't see the charts beside them."""

from html.parser import HTMLParser


class _Tables(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, list[list[str]]]] = []
        self._into: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.found.append(("", []))
        elif tag == "tr":
            self.found[-1][1].append([])
        elif tag in {"td", "th", "caption"}:
            self._into = []

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"td", "th", "caption"} or self._into is None:
            return
        text = " ".join("".join(self._into).split())
        _, rows = self.found[-1]
        if tag == "caption":
            self.found[-1] = (text, rows)
        else:
            rows[-1].append(text)
        self._into = None


def tables(html: str) -> dict[str, list[list[str]]]:
    """The rows of each table by its caption, without the head."""
    reader = _Tables()
    reader.feed(html)
    return {caption: rows[1:] for caption, rows in reader.found}
