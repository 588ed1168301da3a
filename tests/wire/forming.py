"""What tests of forms share: sandbox sites, pages of one's own, and the channel that is led to them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from probes.contract import Enquiry, Receipt
from probes.loader import load
from probes.testing import SAMPLE

KIND = "web_form"
QUICK = {"pace": "0s", "between": "0s", "settle": "6s", "page_timeout": "8s", "time_limit": "40s"}


def enquiry(url: str, **changes: Any) -> Enquiry:
    return replace(SAMPLE, to=load(KIND).normalise(url), intent="support", **changes)


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def channel(port: int, *, live: bool = False, **settings: Any) -> Iterator[Any]:
    """The channel, led to a port of this machine whatever the host; its browsers end with the context."""
    kind = load(KIND)
    table = {**QUICK, "routes": {"*": f"127.0.0.1:{port}"}, **settings}
    wire: Any = kind.open("forms", kind.settings.model_validate(table, context={"env": {}}), live=live)
    try:
        yield wire
    finally:
        wire.close()


@dataclass
class Answer:
    status: int = 200
    body: str | bytes = ""
    media_type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


Page = str | Answer | Callable[["Request"], "str | Answer | None"]


@dataclass
class Request:
    method: str
    path: str
    host: str
    body: str
    handler: BaseHTTPRequestHandler = field(repr=False)


class Pages:
    """Pages of a test's own by path, and every request in order. A page that is a function may do what it likes."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {"/robots.txt": Answer(404)}
        self.requests: list[Request] = []
        self.port = 0

    @property
    def posts(self) -> list[Request]:
        return [one for one in self.requests if one.method == "POST"]

    def asked(self, path: str) -> int:
        return sum(one.path == path for one in self.requests)


def field_set(extra: str = "", button: str = '<button type="submit">Send</button>') -> str:
    return (
        '<label>Name <input name="name"></label><label>E-mail <input type="email" name="email"></label>'
        f'<label>Message <textarea name="message" rows="5"></textarea></label>{extra}{button}'
    )


def form(action: str = "/send", extra: str = "", script: str = "") -> str:
    return (
        f'<!doctype html><title>Contact</title><h1>Contact us</h1><form id="f" method="post" action="{action}">'
        f"{field_set(extra)}</form><script>{script}</script>"
    )


THANKS = "<!doctype html><title>Done</title><h1>Thank you</h1><p>Your message has been sent.</p>"


@contextmanager
def pages(**given: Page) -> Iterator[Pages]:
    """A server of these pages (`contact` is "/contact"); every path may be changed while it runs."""
    site = Pages()
    site.pages |= {"/" + path.replace("__", "/"): page for path, page in given.items()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size).decode("utf-8", "replace")
            path = self.path.partition("?")[0]
            request = Request(self.command, path, self.headers.get("Host") or "", body, self)
            site.requests.append(request)
            page = site.pages.get(path, Answer(404, "not here"))
            answer = page(request) if callable(page) else page
            if answer is None:
                self.close_connection = True
                return
            if isinstance(answer, str):
                answer = Answer(body=answer)
            data = answer.body.encode() if isinstance(answer.body, str) else answer.body
            self.send_response(answer.status)
            for key, value in {"Content-Type": answer.media_type, **answer.headers}.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_PUT = do_GET

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *args: None  # type: ignore[method-assign]
    site.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()


def sent(wire: Any, url: str, **changes: Any) -> Receipt:
    receipt: Receipt = wire.send(enquiry(url, **changes), now)
    return receipt
