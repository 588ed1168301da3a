"""The account at the provider: its settings, and its API asked once, through our guard, without surprises."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Self
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3
from pydantic import AfterValidator, Field, model_validator
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from probes import guard
from probes.contract import ProbeError, TargetRefused
from probes.settings import EnvSecret, FileSecret, PositiveDuration, Secret, Table
from probes.twilio import codes, numbers

PAGE = 500


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError('is not a URL such as "https://audit.example.org"; write scheme and host, and a path if any')
    if parts.username or parts.password:
        raise ValueError("holds a user name or password; a secret does not stand in the config")
    return value.rstrip("/")


def _number(value: str) -> str:
    return numbers.normalise(value)


class Account(Table):
    """What every channel of this provider needs.

    `public_url`: where the world reaches our door; without it nothing is pushed, and all is taken in by listing.
    `numbers`: ours, each of them listened to. `api`: where its API is (a look-alike, in tests).
    """

    account_sid: Annotated[str, Field(pattern=r"^AC[0-9a-fA-F]{32}$", examples=['"AC0123..."'])]
    auth_token_env: EnvSecret = None
    auth_token_file: FileSecret = None
    numbers: Annotated[tuple[Annotated[str, AfterValidator(_number)], ...], Field(min_length=1)]
    public_url: Annotated[str, AfterValidator(_url)] | None = None
    api: Annotated[str, AfterValidator(_url)] = "https://api.twilio.com"
    timeout: PositiveDuration = timedelta(seconds=30)
    poll: PositiveDuration = timedelta(minutes=5)

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if (self.auth_token_env is None) == (self.auth_token_file is None):
            raise ValueError("needs its auth token: name auth_token_env or auth_token_file, one of them")
        if len(set(self.numbers)) != len(self.numbers):
            raise ValueError("numbers: names one twice; write each once")
        return self

    @property
    def token(self) -> Secret:
        found = self.auth_token_env or self.auth_token_file
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered: HTTP status, its JSON, and whether the request can have been acted upon without one."""

    status: int
    json: Mapping[str, Any]
    retry_after: str = ""

    @property
    def code(self) -> str | None:
        """The provider's error code, as text."""
        found = self.json.get("code")
        return None if found is None else str(found)

    @property
    def words(self) -> str:
        said = str(self.json.get("message") or "")[:300]
        about = codes.meaning(self.code)
        return f"{self.status}{f' (code {self.code}: {about})' if self.code else ''}{f': {said}' if said else ''}"


class NotTaken(ProbeError):  # noqa: N818 - named by what happened
    """The request surely never reached the provider."""


class Doubtful(ProbeError):  # noqa: N818 - named by what happened
    """The request may have been acted upon: no answer came, or none that says so."""


class _Http(TwilioHttpClient):  # type: ignore[misc]  # the library has no types
    """Sends what the library would, to `api`; exactly one attempt, no proxy from the environment, no redirect."""

    def __init__(self, account: Account, *, live: bool) -> None:
        super().__init__(timeout=account.timeout.total_seconds())
        self._base, self._live = urlsplit(account.api), live
        assert self.session is not None
        self.session.trust_env = False
        self.session.mount("http://", requests.adapters.HTTPAdapter(max_retries=0))
        self.session.mount("https://", requests.adapters.HTTPAdapter(max_retries=0))

    def guard(self) -> guard.Target:
        """The address that will be connected to. Raises TargetRefused or Unresolved."""
        tls = self._base.scheme == "https"
        needs = "" if tls else "a connection without TLS stays on this machine"
        host = self._base.hostname or ""
        return guard.targets(host, self._base.port or (443 if tls else 80), live=self._live, needs_loopback=needs)[0]

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        target = self.guard()
        asked = urlsplit(url)
        netloc = self._base.netloc
        if self._base.scheme == "http":  # without TLS the name has no part in it: connect to what was judged
            netloc = f"[{target.ip}]:{target.port}" if ":" in target.ip else f"{target.ip}:{target.port}"
        path = self._base.path.rstrip("/") + asked.path
        moved = urlunsplit((self._base.scheme, netloc, path, asked.query, ""))
        return super().request(method, moved, *args, **kwargs)


class Api:
    """The API of one account."""

    def __init__(self, account: Account, *, live: bool) -> None:
        self._account = account
        self._http = _Http(account, live=live)
        self._client: Any = None

    def refusal(self) -> str | None:
        """Why nothing may be asked of it; None when it may."""
        try:
            self._http.guard()
        except TargetRefused as error:
            return str(error)
        except ProbeError:
            return None  # told when it is asked
        return None

    def post(self, what: str, fields: Mapping[str, Any]) -> Answer:
        """Create one thing ("Messages", "Calls"): one attempt.

        Raises TargetRefused, NotTaken (it never got there) or Doubtful (it may have).
        """
        return self._ask("POST", f"{self._root}/{what}.json", data=dict(fields))

    def page(self, what: str, filters: Mapping[str, str]) -> list[dict[str, Any]]:
        """The first page of a listing, newest first. Raises ProbeError."""
        return next(self.pages(what, filters), [])

    def pages(self, what: str, filters: Mapping[str, str]) -> Iterator[list[dict[str, Any]]]:
        """Everything that a listing holds, page by page. Raises ProbeError."""
        url, params = f"{self._root}/{what}.json", dict(filters) | {"PageSize": str(PAGE)}
        seen: set[str] = set()
        while url and url not in seen:  # a page that names itself as the next one would never end
            seen.add(url)
            answer = self._ask("GET", url, params=params)
            if answer.status != 200:
                permanent = 400 <= answer.status < 500 and answer.status != 429
                raise ProbeError(f"listing {what} was refused: {answer.words}", permanent=permanent)
            found = answer.json.get(what.lower())
            if not isinstance(found, list):
                raise ProbeError(f"listing {what}: the answer holds no {what.lower()}")
            yield [one for one in found if isinstance(one, dict)]
            following = answer.json.get("next_page_uri")
            url, params = (f"https://api.twilio.com{following}" if following else ""), {}

    def account(self) -> Answer:
        """The account itself: proves that the token is right. Raises ProbeError."""
        return self._ask("GET", f"{self._root}.json")

    @property
    def _root(self) -> str:
        return f"https://api.twilio.com/2010-04-01/Accounts/{self._account.account_sid}"

    def _ask(self, method: str, url: str, **what: Any) -> Answer:
        if self._client is None:
            token = self._account.token.get_secret_value()
            self._client = Client(self._account.account_sid, token, http_client=self._http, environment={"": ""})
        try:
            said = self._client.request(method, url, **what)
        except (requests.exceptions.ConnectTimeout, requests.exceptions.SSLError) as error:
            raise NotTaken(f"{self._account.api} cannot be reached ({type(error).__name__})") from error
        except requests.exceptions.ConnectionError as error:
            cause = error.args[0] if error.args else None
            refused = isinstance(getattr(cause, "reason", None), urllib3.exceptions.NewConnectionError)
            kind = NotTaken if refused else Doubtful
            raise kind(
                f"{self._account.api} {'cannot be reached' if refused else 'broke the connection off'}"
            ) from error
        except requests.exceptions.RequestException as error:
            raise Doubtful(f"{self._account.api} gave no answer ({type(error).__name__})") from error
        try:
            content = json.loads(said.text) if said.text else {}
        except ValueError:
            content = {}
        content = content if isinstance(content, dict) else {}
        after = str((said.headers or {}).get("Retry-After") or "")
        return Answer(said.status_code, content, retry_after=after)


def moment(text: object, otherwise: datetime | None = None) -> datetime | None:
    """A time as the provider writes it (RFC 2822), in UTC; `otherwise` when it is none."""
    try:
        found = parsedate_to_datetime(str(text))
    except (ValueError, TypeError, IndexError):
        return otherwise
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
