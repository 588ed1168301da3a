"""Whether a domain lets an address send in its name: SPF (RFC 7208), judged over what the name servers say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from probes.contract import ProbeError
from probes.mail.names import Names, Unanswerable

Result = Literal["pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"]

NOBODY = "198.51.100.255"
"""An address for documentation (RFC 5737), which nobody sends from: judging it walks through the whole record."""


@dataclass(frozen=True, slots=True)
class Spf:
    """What RFC 7208 makes of one sending address. `reason`: what is wrong, for an error. `asked`: the names whose
    records were read on the way, the domain's own first."""

    result: Result
    reason: str = ""
    asked: tuple[str, ...] = ()


def records(texts: Iterable[str]) -> tuple[str, ...]:
    """Those of a domain's TXT records that are SPF records (section 4.5)."""
    return tuple(text for text in texts if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 "))


def judge(names: Names, domain: str, ip: str) -> Spf:
    """What a server makes of mail from anybody@`domain` that `ip` hands over. Raises TargetRefused while nobody may be
    asked; name servers that do not answer are a `temperror`."""
    from spftrace import Evaluator

    found = asyncio.run(Evaluator(_resolver_class()(names)).evaluate(ip, f"postmaster@{domain}"))
    why = [event.data["reason"] for event in found.trace.events if event.kind == "exit" and "reason" in event.data]
    asked = dict.fromkeys(query.name.lower().rstrip(".") for query in found.queries)
    return Spf(found.verdict, "; ".join(why), tuple(asked))  # type: ignore[arg-type]  # it is one of the seven


@cache
def _resolver_class() -> Any:
    """Made on first use: loading the library takes a tenth of a second."""
    from spftrace import BaseResolver
    from spftrace.resolver import NOERROR, SERVFAIL

    class Asking(BaseResolver):  # type: ignore[misc, unused-ignore]
        """Puts the evaluator's questions to our own name servers."""

        def __init__(self, names: Names) -> None:
            self._names = names

        async def _lookup(self, name: str, rtype: str) -> tuple[str, list[str]]:
            try:
                return NOERROR, self._said(name, rtype)
            except Unanswerable:
                return SERVFAIL, []
            except ProbeError as error:  # who takes mail for a domain is asked with an error of its own
                if error.permanent and rtype == "MX":
                    return NOERROR, []
                if rtype == "MX":
                    return SERVFAIL, []
                raise

        def _said(self, name: str, kind: str) -> list[str]:
            if kind == "TXT":
                return list(self._names.texts(name))
            if kind == "MX":
                return [host for _, host in self._names.exchanges(name.rstrip("."))]
            if kind == "PTR":
                return list(self._names.names_at(name))
            return list(self._names.addresses(name, 6 if kind == "AAAA" else 4))

    return Asking
