"""What a site's robots.txt allows us (RFC 9309), read once a host and kept for a while.

Not there (4xx): everything is allowed. Server error, nobody there or not readable: nothing is. Parsed by protego.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from protego import Protego

AGENT = "unanswered"
"""The product token by which a robots.txt can name us."""
SIZE = 512 * 1024
"""As much of a robots.txt as is read (RFC 9309 asks for 500 KiB at least)."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch came to: a status and the body, or status 0 and `fault` where nobody answered."""

    status: int
    body: str = ""
    fault: str = ""


Fetch = Callable[[str], Fetched]


class Robots:
    """Asks `fetch` for a host's rules once and remembers them for `keep` seconds of `elapsed`."""

    def __init__(self, fetch: Fetch, *, elapsed: Callable[[], float], keep: float = 3600) -> None:
        self._fetch, self._elapsed, self._keep = fetch, elapsed, keep
        self._known: dict[str, tuple[float, Protego | str]] = {}

    def refusal(self, url: str) -> str | None:
        """Why robots.txt keeps us from `url`; None when it does not."""
        parts = urlsplit(url)
        place = f"{parts.scheme}://{parts.netloc}"
        at, rules = self._known.get(place, (0.0, ""))
        if place not in self._known or self._elapsed() - at > self._keep:
            rules = judge(place, self._fetch(f"{place}/robots.txt"))
            self._known[place] = (self._elapsed(), rules)
        if isinstance(rules, str):
            return rules
        if rules.can_fetch(url, AGENT):
            return None
        return f"{place}/robots.txt disallows {parts.path or '/'}"


def judge(place: str, found: Fetched) -> Protego | str:
    """Pure: the rules that a fetch of robots.txt gave, or why everything counts as disallowed."""
    if not found.status:
        return f"{place}/robots.txt could not be read ({found.fault}); that counts as a refusal"
    if found.status >= 500 or found.status == 429:
        return f"{place}/robots.txt was answered with status {found.status}; that counts as a refusal"
    return Protego.parse("" if found.status >= 300 else found.body)


def fetch_through(proxy: str, *, timeout: float) -> Fetch:
    """A Fetch by plain HTTP through a proxy ("127.0.0.1:PORT"), whatever the environment says of proxies; follows
    redirects, each through the proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Redirects(proxy))

    def fetch(url: str) -> Fetched:
        request = urllib.request.Request(url, headers={"User-Agent": AGENT, "Accept": "text/plain, */*;q=0.1"})  # noqa: S310
        request.set_proxy(proxy, "http")
        try:
            with opener.open(request, timeout=timeout) as answer:
                body = answer.read(SIZE).decode("utf-8", "replace")
                return Fetched(answer.status, body.removeprefix("\ufeff"))
        except urllib.error.HTTPError as error:
            with error:
                return Fetched(error.code)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Fetched(0, fault=str(getattr(error, "reason", None) or error) or type(error).__name__)

    return fetch


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect through the same proxy, and none out of the web (urllib alone would follow one to ftp)."""

    def __init__(self, proxy: str) -> None:
        self._proxy = proxy

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urlsplit(newurl).scheme not in ("http", "https"):
            raise urllib.error.URLError(f"redirected to {newurl[:100]}")
        again = super().redirect_request(req, fp, code, msg, headers, newurl)
        if again is not None:
            again.set_proxy(self._proxy, "http")
        return again
