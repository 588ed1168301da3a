"""Checks the signatures on a mail: every DKIM-Signature (RFC 6376) and the ARC chain (RFC 8617), by dkimpy.

`check` is pure: keys come from whoever is asked, so the same function judges a mail on arrival, with the keys that are
published then, and years later from evidence, with the keys that were stored. `Attester` asks the name servers.

A mail is what a stranger made: no bytes raise, and work is bounded by the limits below, which are those of mail that
servers write, widened. What lies beyond them is not checked and says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import FunctionType
from typing import Any

import dkim
from dkim.canonicalization import Relaxed
from dkim.util import InvalidTagValueList, parse_tag_value

from probes.contract import Attestation, Clock, ProbeError
from probes.mail.names import Names

RAW_LIMIT = 40_000_000
HEAD_LIMIT = 300_000
FIELDS_LIMIT = 2_000
SIGNATURES_LIMIT = 8
"""DKIM signatures that are checked; further ones are told by their number."""
SETS_LIMIT = 10
VALUE_LIMIT = 12_000
BLANKS_LIMIT = 64
SIGNED_LIMIT = 400
KEY_LIMIT = 2_500
"""Characters of a key record; RSA with 8,192 bits takes 1,500."""

KEPT = timedelta(minutes=10)
"""How long a key that was fetched serves further mails."""
UNANSWERED_FOR = timedelta(minutes=1)
"""How long a name is not asked about again after the name servers did not answer."""
KEPT_LIMIT = 2_000

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_SIGNED = re.compile(rb"^(?:dkim-signature|arc-seal|arc-message-signature)[ \t]*:", re.I | re.M)
_BLANKS = re.compile(rb"\s{%d}" % (BLANKS_LIMIT + 1))
_BLANK = re.compile(rb"[\t ]+")
_NAME = re.compile(r"(?=.{1,253}\Z)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})\.)*[A-Za-z0-9_][A-Za-z0-9_-]{0,62}")
_ARC = (b"arc-seal", b"arc-message-signature", b"arc-authentication-results")


@dataclass(frozen=True, slots=True)
class Key:
    """A TXT record as it was found (ASCII, other bytes escaped), or None where there was none, and when."""

    text: str | None
    fetched_at: datetime


Ask = Callable[[str], Key]
"""Gives the key record under a name without its final dot. What it raises goes through."""


def is_signed(raw: bytes) -> bool:
    """Whether a mail carries a signature at all: cheap, for the many that carry none."""
    return _SIGNED.search(_head(raw)) is not None


def check(raw: bytes, ask: Ask, at: datetime) -> tuple[Attestation, ...]:
    """What each signature on a mail proves, with the keys that `ask` gives, judged at the moment `at`.

    One entry for each DKIM-Signature, from the top; then, of an ARC chain, one for each key of it, all with the result
    of the whole chain. Results are those of RFC 8601: pass; fail (altered, or expired at `at`); permerror (no key, or
    one that cannot be used, or a signature that cannot be read); none (not checked).
    """
    if not is_signed(raw):
        return ()
    beyond = _beyond(raw)
    if beyond:
        return (_attestation("dkim", None, "none", f"not checked: {beyond}", at),)
    try:
        mail = _Dkim(raw, ask, at)
    except Exception as error:  # whatever a mail holds
        return (_attestation("dkim", None, "permerror", f"the mail cannot be read ({_words(error)})", at),)
    return (*mail.attestations(), *_arc(raw, ask, at))


def _head(raw: bytes) -> bytes:
    end = _END_OF_HEAD.search(raw, 0, HEAD_LIMIT + 4)
    return raw[: end.start()] if end else raw[: HEAD_LIMIT + 4]


def _beyond(raw: bytes) -> str:
    head = _head(raw)
    if len(raw) > RAW_LIMIT:
        return f"the mail is longer than {RAW_LIMIT} bytes"
    if len(head) > HEAD_LIMIT:
        return f"its header is longer than {HEAD_LIMIT} bytes"
    if head.count(b"\n") > FIELDS_LIMIT:
        return f"its header has more than {FIELDS_LIMIT} lines"
    return ""


def _attestation(
    method: str, sig: dict[bytes, bytes] | None, result: str, reason: str, at: datetime, key: Key | None = None
) -> Attestation:
    domain, selector = _names(sig or {})
    return Attestation(
        method=method,
        domain=domain[:253],
        selector=selector[:253],
        result=result,
        reason=reason[:500],
        key_name=_key_name(domain, selector),
        key=key.text if key else None,
        fetched_at=key.fetched_at if key else at,
    )


def _names(sig: dict[bytes, bytes]) -> tuple[str, str]:
    return _text(sig.get(b"d", b"")), _text(sig.get(b"s", b""))


def _key_name(domain: str, selector: str) -> str:
    """Where the key is published (RFC 6376, 3.6.2.1); "" when no name server can be asked for it."""
    name = f"{selector}._domainkey.{domain}".rstrip(".")
    return name if domain and selector and _NAME.fullmatch(name) else ""


def _text(value: bytes) -> str:
    return value.decode("ascii", "backslashreplace")


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300] if str(error) else type(error).__name__


class _UnusableError(Exception):
    """Why a signature cannot be checked at all (permerror)."""


class _Bounded(dkim.DomainSigner):  # type: ignore[misc]
    """What both kinds of signature need: keys from `ask`, the reason kept, and no more work than a mail is worth."""

    def __init__(self, raw: bytes, ask: Ask, at: datetime) -> None:
        super().__init__(raw)
        self._ask, self._at = ask, at
        self._simple = _trimmed(self.body)
        self._relaxed: bytes | None = None
        self.reason = ""
        self.key: Key | None = None
        self.asked: dict[str, tuple[dict[bytes, bytes], Key]] = {}

    def verify_sig(self, sig: Any, include_headers: Any, sig_header: Any, dnsfunc: Any) -> bool:
        """As dkimpy does, but tells an unusable key from an altered mail. Raises _UnusableError, ValidationError."""
        self.key = None
        if len(include_headers) > SIGNED_LIMIT:
            raise _UnusableError(f"signs more than {SIGNED_LIMIT} header fields")
        name = _key_name(*_names(sig))
        if not name:
            raise _UnusableError("names no domain and selector under which a key could be published")
        self.key = found = self._ask(name)
        self.asked.setdefault(name, (sig, found))
        if found.text is None:
            raise _UnusableError(f"no key is published under {name}")
        if len(found.text) > KEY_LIMIT:
            raise _UnusableError(f"the key record is longer than {KEY_LIMIT} characters")
        try:
            tags = parse_tag_value(found.text.encode("ascii"))
            if not tags.get(b"p"):
                raise _UnusableError("the key was revoked (RFC 6376, 3.6.1)")
            self.pk, self.keysize, self.ktag, self.seqtlsrpt = dkim.evaluate_pk(name, found.text)
        except _UnusableError:
            raise
        except Exception as error:  # the record is a stranger's too
            raise _UnusableError(f"the key cannot be read ({_words(error)})") from error
        if not sig.get(b"a", b"").startswith(self.ktag or b"?"):
            raise _UnusableError(f"the key is for {_text(self.ktag or b'nothing')}, the signature is not")
        sig, self.body = self._canonical(sig)
        good = self.verify_sig_process(sig, include_headers, sig_header, dnsfunc)
        if not good:
            raise dkim.ValidationError("the signature is not that of the signed header fields")
        return True

    def _canonical(self, sig: dict[bytes, bytes]) -> tuple[dict[bytes, bytes], bytes]:
        """The body as it came or, where blanks are to be made one, already so, with the tags that then say "simple":
        dkimpy's own way takes time that grows with the square of a run of blanks, and does it again each time."""
        head, _, body = sig.get(b"c", b"").partition(b"/")
        if body != b"relaxed":
            return sig, self._simple
        if self._relaxed is None:
            lines = _BLANK.sub(b" ", self._simple).replace(b" \r\n", b"\r\n")
            self._relaxed = bytes(Relaxed.canonicalize_body(_trimmed(lines)))
        return (sig | {b"c": head + b"/simple"} if self._relaxed else sig), self._relaxed


def _trimmed(body: bytes) -> bytes:
    """Without the empty lines at its end but one: none of them counts, and dkimpy takes them off one by one."""
    tail = body[len(body.rstrip(b"\r\n")) :].replace(b"\r\n", b"\n")
    lines = len(tail) - len(tail.rstrip(b"\n"))
    return body[: len(body) - 2 * (lines - 1)] if lines > 1 else body


class _Dkim(_Bounded, dkim.DKIM):  # type: ignore[misc]
    def attestations(self) -> list[Attestation]:
        values = [value for name, value in self.headers if name.lower() == b"dkim-signature"]
        found = [self._one(number, value) for number, value in enumerate(values[:SIGNATURES_LIMIT])]
        if len(values) > SIGNATURES_LIMIT:
            more = f"{len(values) - SIGNATURES_LIMIT} further signatures were not checked"
            found.append(_attestation("dkim", None, "none", more, self._at))
        return found

    def _one(self, number: int, value: bytes) -> Attestation:
        sig: dict[bytes, bytes] = {}
        self.key = None
        try:
            sig = _tags(value)
            self.verify(idx=number)
        except ProbeError:
            raise
        except dkim.KeyFormatError as error:
            return _attestation("dkim", sig, "permerror", f"the key cannot be used ({error})", self._at, self.key)
        except dkim.ValidationError as error:
            return _attestation("dkim", sig, "fail" if self.key else "permerror", str(error), self._at, self.key)
        except _UnusableError as error:
            return _attestation("dkim", sig, "permerror", str(error), self._at, self.key)
        except Exception as error:
            return _attestation("dkim", sig, "permerror", f"cannot be read ({_words(error)})", self._at, self.key)
        if _expired(sig, self._at):
            return _attestation("dkim", sig, "fail", "had expired when it was checked", self._at, self.key)
        length = " (of the first bytes of the body alone, l=)" if b"l" in sig else ""
        return _attestation("dkim", sig, "pass", f"signed by {_names(sig)[0]}{length}", self._at, self.key)

    def verify_headerprep(self, idx: int = 0) -> Any:
        """dkimpy's, but for the times: it would ask the machine's clock, and a signature checked years later from
        evidence was not expired when the mail came."""
        fields = [(name, value) for name, value in self.headers if name.lower() == b"dkim-signature"]
        sig = self.signature_fields = _tags(fields[idx][1])
        dkim.validate_signature_fields({name: value for name, value in sig.items() if name not in (b"t", b"x")})
        signed = [name.lower() for name in re.split(rb"\s*:\s*", sig[b"h"])]
        if b"from" not in signed:
            raise _UnusableError("does not sign the From field (RFC 6376, 5.4)")
        return sig, signed, fields


def _tags(value: bytes) -> dict[bytes, bytes]:
    if len(value) > VALUE_LIMIT or _BLANKS.search(value):
        raise _UnusableError(f"longer than {VALUE_LIMIT} bytes, or has more than {BLANKS_LIMIT} blanks in a row")
    try:
        return parse_tag_value(value)  # type: ignore[no-any-return]
    except InvalidTagValueList as error:
        raise _UnusableError(f"is no list of tags ({_words(error)})") from error


def _expired(sig: dict[bytes, bytes], at: datetime) -> bool:
    said = sig.get(b"x", b"")
    return bool(re.fullmatch(rb"\d{1,12}", said)) and int(said) < at.timestamp()


def _but_for_times(sig: dict[bytes, bytes], *more: Any) -> None:
    """dkimpy's check of the fields of a signature without t= and x=, for which it would ask the machine's clock."""
    dkim.validate_signature_fields({name: value for name, value in sig.items() if name not in (b"t", b"x")}, *more)


class _Arc(_Bounded, dkim.ARC):  # type: ignore[misc]
    verify_instance = FunctionType(
        dkim.ARC.verify_instance.__code__,
        {**vars(dkim), "validate_signature_fields": _but_for_times},
        "verify_instance",
        dkim.ARC.verify_instance.__defaults__,
    )
    """dkimpy's, but for the times: these are judged at the moment that was asked for, as those of DKIM are."""

    expired = False

    def verify_sig(self, sig: Any, include_headers: Any, sig_header: Any, dnsfunc: Any) -> bool:
        """The first thing that is wrong is kept: dkimpy tells only that something is."""
        self.expired = self.expired or _expired(sig, self._at)
        try:
            return super().verify_sig(sig, include_headers, sig_header, dnsfunc)
        except ProbeError:
            raise
        except Exception as error:
            self.reason = self.reason or f"{_text(sig_header[0])} of {_names(sig)[0]}: {error}"
            raise dkim.ValidationError(str(error)) from error


def _arc(raw: bytes, ask: Ask, at: datetime) -> list[Attestation]:
    chain = _Arc(raw, ask, at)
    values = [value for name, value in chain.headers if name.lower() in _ARC]
    if not any(name.lower() in _ARC[:2] for name, _ in chain.headers):
        return []
    if len(values) > 3 * SETS_LIMIT or any(len(one) > VALUE_LIMIT or _BLANKS.search(one) for one in values):
        why = f"not checked: more than {SETS_LIMIT} sets, or a field longer than {VALUE_LIMIT} bytes"
        return [_attestation("arc", None, "none", why, at)]
    try:
        word, sets, reason = chain.verify()
    except ProbeError:
        raise
    except Exception as error:
        return [_attestation("arc", None, "permerror", f"the chain cannot be read ({_words(error)})", at)]
    # A chain whose newest seal says cv=fail has ended: dkimpy gives None for it.
    result = {b"pass": "pass", b"none": "none"}.get(word or b"fail", "fail")
    if result == "pass" and chain.expired:
        result, reason = "fail", "had expired when it was checked"
    elif result == "pass":
        reason = f"an unbroken chain of {len(sets)}, last sealed by {_text(sets[0]['as-domain'])}"
    elif chain.reason:
        reason = f"{reason}: {chain.reason}"
    if not chain.asked:
        return [_attestation("arc", None, result, reason, at)]
    return [_attestation("arc", sig, result, reason, at, key) for sig, key in chain.asked.values()]


class Attester:
    """Checks signatures with the keys that are published now; a key serves the mails of the next minutes too."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._kept: dict[str, Key] = {}
        self._silent: dict[str, tuple[datetime, ProbeError]] = {}

    def attest(self, raw: bytes, now: Clock) -> tuple[Attestation, ...]:
        """Check every signature on a mail; () when it carries none.

        Raises ProbeError: not permanent where the name servers do not answer, permanent where they may not be asked.
        """
        return check(raw, lambda name: self._key(name, now()), now())

    def _key(self, name: str, now: datetime) -> Key:
        kept = self._kept.get(name)
        if kept is not None and now - kept.fetched_at < KEPT:
            return kept
        silent = self._silent.get(name)
        if silent is not None and now - silent[0] < UNANSWERED_FOR:
            raise silent[1]
        try:
            records = self._names.txt(name)
        except ProbeError as error:
            if not error.permanent:
                self._forget(self._silent)
                self._silent[name] = (now, error)
            raise
        self._forget(self._kept)
        self._kept[name] = found = Key(_chosen(records), now)
        return found

    @staticmethod
    def _forget(kept: dict[str, Any]) -> None:
        if len(kept) >= KEPT_LIMIT:
            kept.clear()


def _chosen(records: tuple[bytes, ...]) -> str | None:
    """The record that is a key: RFC 6376 leaves open which counts where a name has several."""
    keys = [_text(one)[: KEY_LIMIT + 1] for one in records]
    return next((one for one in keys if re.search(r"(?:^|;)\s*p\s*=", one[:KEY_LIMIT])), next(iter(keys), None))
