"""What the provider pushes to our door: the signature first, then the form."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl

from twilio.request_validator import RequestValidator

from probes.contract import Forged
from probes.twilio.account import Account

FIELDS_MAX = 400


class _Form(dict[str, list[str]]):
    """A form as the validator wants it: every value of a key that stands there several times."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


def checked_form(account: Account, target: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    """The form in `body`, first values, once its signature proves that the provider sent it to this door.

    The URL that is signed is the public one of the config: nothing of it is taken from the request but path and query.
    Raises Forged, ValueError.
    """
    if account.public_url is None:
        raise Forged("this channel has no public_url: nothing is expected at the door")
    signature = headers.get("x-twilio-signature", "")
    if not signature.isascii():
        raise Forged("its signature is none")
    form = form_of(body)
    path = target if target.startswith("/") else f"/{target}"
    validator = RequestValidator(account.token.get_secret_value())
    url = account.public_url + path
    # Its own `validate` tries the URL with and without a port each time: asked only where the plain one does not fit.
    fits = bool(signature) and hmac.compare_digest(validator.compute_signature(url, form), signature)
    if not fits and not (signature and validator.validate(url, form, signature)):
        raise Forged("its signature does not fit; it is forged, or public_url is not what the provider has")
    fields = {name: values[0] for name, values in form.items()}
    if fields.get("AccountSid", account.account_sid) != account.account_sid:
        raise Forged("it is about another account")
    return fields


def form_of(body: bytes) -> _Form:
    """A form's values by name. Raises ValueError when it is none."""
    try:
        text = body.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=FIELDS_MAX)
    except (UnicodeError, ValueError):
        raise ValueError("it is no form") from None
    form = _Form()
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form
