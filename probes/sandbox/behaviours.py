"""What each simulated business is and does, and what a correct measurement must find: the planted truth.

All of it is data in `businesses.toml`, written by hand. The truth is not computed from the behaviour by anything
that the product also uses: what is measured can only agree with it by being right.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from typing import Any, Literal

Stage = Literal["rcpt", "data"]

_TIME = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def time_of(text: str) -> timedelta:
    """Reads "2d3h4m5s", any part left out. Raises ValueError."""
    found = _TIME.fullmatch(text)
    if not text or found is None:
        raise ValueError(f'{text!r} is not a time; write one such as "2d3h4m5s"')
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a server says instead of taking the mail: `reply` at `stage`, for `lasting` after the first try.

    `lasting` None: always.
    """

    reply: str
    stage: Stage = "rcpt"
    lasting: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMail:
    """One mail that a business (or a stranger who got hold of the address) sends `after` it took the enquiry.

    `sender` is the envelope sender: None the business's own address, "" the null sender of automatic mail. `about`
    is the key of another business whose enquiry the mail speaks of: it goes out `after` both were taken.
    """

    template: str
    after: timedelta
    sender: str | None = None
    junk: bool = False
    about: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What a correct measurement finds: a disposition for each window, the kind of the first reply, and the time
    from acceptance to the first answer of a person, to the second. None: there is none.

    `marks` are further facts that must be on record, and no others: junk (the answer was found in a junk folder),
    noreply (a reply came from an address that takes none), mailbox_full (a bounce said so), promise_kept and
    promise_broken (a machine promised an answer by a certain time, and a person answered by then or not), stopped
    (the business is never to be contacted again).
    """

    dispositions: tuple[str, ...]
    first_reply: str | None = None
    first_answer: timedelta | None = None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """One simulated business. `planted` says in words what it does.

    `mailbox` "": it offers no address. `stopped`: it asked before the study never to be contacted.
    """

    key: str
    name: str
    planted: str
    domain: str
    truth: Truth
    mailbox: str = "info"
    country: str = "GB"
    language: str = "en"
    timezone: str = "Europe/London"
    group: str | None = None
    partners: tuple[str, ...] = ()
    stopped: bool = False
    refusal: Refusal | None = None
    mails: tuple[PlannedMail, ...] = ()

    @property
    def address(self) -> str:
        """Its mail address; "" when it offers none."""
        return f"{self.mailbox}@{self.domain}" if self.mailbox else ""

    @property
    def takes(self) -> int:
        """How many enquiries its server takes when all goes well: one, or none."""
        refuses = self.refusal is not None and self.refusal.lasting is None
        return 0 if refuses or self.stopped or not self.mailbox else 1


COUNTED = ("answered", "machine_only", "unanswered")
"""The dispositions that the headline divides by; all but the first count as no answer of a person."""

WINDOWS = (timedelta(hours=24), timedelta(days=7), timedelta(days=30))
"""The windows that the dispositions of a Truth stand for, in order."""


def businesses() -> tuple[Business, ...]:
    """All simulated businesses. Raises TypeError or ValueError when `businesses.toml` says something else."""
    text = files("probes.sandbox").joinpath("businesses.toml").read_text(encoding="utf-8")
    return tuple(business_of(row) for row in tomllib.loads(text)["business"])


def headline(every: Iterable[Business], window: int) -> tuple[int, int]:
    """The planted headline at WINDOWS[window]: how many businesses gave no answer of a person, of how many."""
    counted = [one.truth.dispositions[window] for one in every if one.truth.dispositions[window] in COUNTED]
    return sum(disposition != "answered" for disposition in counted), len(counted)


def business_of(row: Mapping[str, Any]) -> Business:
    """A business as the files write it."""
    known = dict(row)
    truth = known.pop("truth")
    refusal = known.pop("refusal", None)
    mails = known.pop("mails", [])
    known["partners"] = tuple(known.pop("partners", ()))
    return Business(truth=truth_of(truth), refusal=_refusal(refusal), mails=tuple(_mail(m) for m in mails), **known)


def truth_of(row: Mapping[str, Any]) -> Truth:
    """A truth as the files write it."""
    known = dict(row)
    answer = known.pop("first_answer", None)
    return Truth(
        dispositions=tuple(known.pop("dispositions")),
        marks=tuple(known.pop("marks", ())),
        first_answer=None if answer is None else time_of(answer),
        **known,
    )


def _refusal(row: Mapping[str, Any] | None) -> Refusal | None:
    if row is None:
        return None
    known = dict(row)
    lasting = known.pop("lasting", None)
    return Refusal(lasting=None if lasting is None else time_of(lasting), **known)


def _mail(row: Mapping[str, Any]) -> PlannedMail:
    known = dict(row)
    return PlannedMail(after=time_of(known.pop("after")), **known)
