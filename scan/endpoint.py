"""Where an attack's outgoing request would arrive: a server that only takes note.

Wapiti asks a public service whether a site fetched an address that it was
given. This is that service on localhost, so that nothing leaves the machine.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@contextmanager
def listening() -> Iterator[str]:
    """The address of the server, while it listens."""
    calls: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            kind = parts.path.removeprefix("/get_").removesuffix(".php")
            if kind in {"ssrf", "xxe"}:
                session = parse_qs(parts.query).get("session_id", [""])[0]
                body = json.dumps(_heard(calls, kind, session)).encode()
            else:
                calls.append(
                    {
                        "url": self.path,
                        "date": datetime.now(UTC).isoformat(),
                        "ip": self.client_address[0],
                        "method": self.command,
                        "size": 1,
                        "payload": "",
                    }
                )
                body = b"{}"
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_HEAD = do_PUT = do_GET  # noqa: N815  the library's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()


def _heard(calls: list[dict[str, Any]], kind: str, session: str) -> dict[str, Any]:
    """The calls of one scan as wapiti reads them: by request, then by parameter."""
    found: dict[str, Any] = {}
    for call in calls:
        steps = urlsplit(call["url"]).path.strip("/").split("/")
        if len(steps) >= 4 and steps[:2] == [kind, session]:
            found.setdefault(steps[2], {}).setdefault(steps[3], []).append(call)
    return found
