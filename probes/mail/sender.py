"""Whether others take our mail for ours, and whether answers find home: SPF, DKIM, DMARC, PTR and MX of our addresses.

Our mail carries the private address both as MAIL FROM and as From, so SPF speaks for the very domain that DMARC asks
about. What cannot be told from here (the addresses a relay sends from, whether it signs) is said to be not told.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass

from probes.contract import Check, ProbeError
from probes.mail import dmarc, exchange, spf
from probes.mail.names import Names
from probes.mail.reader import read
from probes.mail.servers import Smtp
from probes.mail.tree import raw_headers

_AGAIN = "try again; check the name servers (`nameservers`) if it stays"
_OUTSIDE = {socket.AF_INET: "198.51.100.1", socket.AF_INET6: "2001:db8::1"}


@dataclass(frozen=True, slots=True)
class Signature:
    """A DKIM signature on a mail of ours. `why`: what is wrong with it; "" when it is good."""

    domain: str
    selector: str
    why: str = ""


# --------------------------------------------------------------------------- where we send from
def outgoing(smtp: Smtp, *, live: bool) -> tuple[str, ...]:
    """The addresses that others see us call from: those of the config, or this machine's own where it has public ones.

    () when they are not known: behind address translation, or at a relay. Sends nothing: a datagram socket that is
    connected asks only the routing table.
    """
    if smtp.outgoing or smtp.via == "relay" or not live:
        return smtp.outgoing
    found = []
    for family, there in _OUTSIDE.items():
        with suppress(OSError), closing(socket.socket(family, socket.SOCK_DGRAM)) as sock:
            sock.connect((there, 53))
            ip = str(sock.getsockname()[0]).partition("%")[0]
            if ipaddress.ip_address(ip).is_global:
                found.append(ip)
    return tuple(found)


def check_pointers(smtp: Smtp, names: Names, *, live: bool) -> Iterator[Check]:
    """A line for each address that we send from: it has a name, and the name has the address (FCrDNS)."""
    if not names.may_ask:
        return
    if smtp.via == "relay":
        yield Check(name="ptr", ok=True, detail=f"the reverse name of the sending address is the affair of {smtp.host}")
        return
    ips = outgoing(smtp, live=live)
    if not ips:
        detail = "not told: it is not known which address others see us call from; name it in `outgoing` of smtp"
        yield Check(name="ptr", ok=True, detail=detail)
    for ip in ips:
        yield _pointer(ip, names)


def _pointer(ip: str, names: Names) -> Check:
    name = f"ptr {ip}"
    try:
        found = names.pointers(ip)
        good = [one for one in found if _same(ip, names.addresses(one))]
    except ProbeError as error:
        return Check(name=name, ok=False, detail=str(error), advice=_AGAIN)
    if good:
        return Check(name=name, ok=True, detail=f"is {good[0]}, and {good[0]} is {ip}")
    advice = "ask whoever gives you the address to let its reverse name be a name that has this address: many servers "
    advice += "refuse mail from an address without"
    detail = f"its name {', '.join(found)} does not have the address" if found else "it has no name (PTR record)"
    return Check(name=name, ok=False, detail=detail, advice=advice)


def _same(ip: str, others: Sequence[str]) -> bool:
    return ipaddress.ip_address(ip) in {ipaddress.ip_address(other) for other in others}


# --------------------------------------------------------------------------- whether answers find home
def check_home(domain: str, names: Names) -> Check:
    """Whether anybody can answer to an address at `domain`: a server takes its mail, and that server has an address."""
    name = f"mx of {domain}"
    advice = f"publish an MX record of {domain} that names the server of your mailbox: answers are lost without one"
    if not names.may_ask:
        return _not_asked(name)
    try:
        hosts = exchange.exchanges(domain, names.exchanges, "")
        without = [host for host in hosts if not names.addresses(host)]
    except ProbeError as error:
        return Check(name=name, ok=False, detail=str(error), advice=advice if error.permanent else _AGAIN)
    if len(without) == len(hosts):
        if hosts == (domain,):
            return Check(name=name, ok=False, detail="it has neither an MX record nor an address", advice=advice)
        return Check(name=name, ok=False, detail=f"{', '.join(without)} has no address", advice=advice)
    return Check(name=name, ok=True, detail=f"answers go to {', '.join(host for host in hosts if host not in without)}")


def _not_asked(name: str) -> Check:
    return Check(name=name, ok=True, detail="not looked up: name servers outside are asked only with `live = true`")


# --------------------------------------------------------------------------- whether our mail is taken for ours
def check_sender(domain: str, seen: bytes | None, smtp: Smtp, names: Names, *, live: bool) -> Iterator[Check]:
    """SPF, DKIM and DMARC of mail from `domain`. `seen`: our newest mail from it that came to a mailbox of ours."""
    if not names.may_ask:
        yield _not_asked(f"spf, dkim and dmarc of {domain}")
        return
    by_spf, told = _spf(domain, smtp, names, live=live)
    yield told
    signatures = None if seen is None else _signatures(seen, names)
    if signatures is None and smtp.via == "mx" and "*" not in smtp.routes:
        signatures = ()  # nobody stands between us and the recipient who could sign
    yield _dkim(domain, smtp, signatures)
    yield _dmarc(domain, names, by_spf, signatures, told)


def _spf(domain: str, smtp: Smtp, names: Names, *, live: bool) -> tuple[bool | None, Check]:
    """Whether SPF lets us send (None: not told), and the line that says so."""
    name, way = f"spf of {domain}", _way(domain, smtp)
    try:
        found = spf.records(names.texts(domain))
        ips = outgoing(smtp, live=live)
        relay = smtp.via == "relay" and not ips
        if relay:
            with suppress(ProbeError):
                ips = names.addresses(smtp.host) if not _is_ip(smtp.host) else (smtp.host,)
        judged = {ip: spf.judge(names, domain, ip) for ip in (*ips, spf.NOBODY)}
    except ProbeError as error:
        return None, Check(name=name, ok=False, detail=str(error), advice=_AGAIN)
    whole = judged.pop(spf.NOBODY)
    if not found:
        return False, Check(name=name, ok=False, detail="it publishes no SPF record", advice=f"publish one: {way}")
    record = " / ".join(found)
    for one in (whole, *judged.values()):
        if one.result == "permerror":
            return False, Check(
                name=name, ok=False, detail=f'"{record}" cannot be used: {one.reason}',
                advice="correct it: a record with a mistake counts as none, or as a refusal",
            )  # fmt: skip
        if one.result == "temperror":
            return None, Check(name=name, ok=False, detail=f'"{record}": {one.reason}', advice=_AGAIN)
    barred = {ip: one.result for ip, one in judged.items() if one.result != "pass"}
    if judged and not barred:
        return True, Check(name=name, ok=True, detail=f'"{record}" lets {", ".join(judged)} send')
    said = ", ".join(f"{ip} {result}" for ip, result in barred.items())
    if relay:
        named = [one for one in whole.asked[1:] if dmarc.aligned(smtp.host, one, strict=False)]
        if any(one.result == "pass" for one in judged.values()) or named:
            who = named[0] if named else smtp.host
            return True, Check(name=name, ok=True, detail=f'"{record}" lets {who} send, as far as can be told')
        detail = f'"{record}" does not let {smtp.host} send ({said or "it has no address"})'
        return None, Check(
            name=name, ok=False, detail=detail,
            advice=f"{way}. Where the relay sends from other addresses, name them in `outgoing` of smtp",
        )  # fmt: skip
    if not judged:
        detail = f'"{record}" is sound; not told whether it lets us send: our own address is not known. Name it in '
        return None, Check(name=name, ok=True, detail=f"{detail}`outgoing` of smtp")
    return False, Check(name=name, ok=False, detail=f'"{record}" does not let us send: {said}', advice=way)


def _way(domain: str, smtp: Smtp) -> str:
    if smtp.via == "relay":
        return f"add to the TXT record of {domain} what the provider of {smtp.host} says, such as include:its.domain"
    ips = [f"ip{ipaddress.ip_address(ip).version}:{ip}" for ip in smtp.outgoing] or ["ip4:" + "our.own.address"]
    return f'let the TXT record of {domain} be "v=spf1 {" ".join(ips)} -all", or add these addresses to it'


def _is_ip(host: str) -> bool:
    with suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return False


def _signatures(seen: bytes, names: Names) -> tuple[Signature, ...]:
    import dkim

    def key(name: bytes, timeout: int = 5) -> bytes | None:  # noqa: ARG001 - as the library calls it
        found = names.texts(name.decode("ascii", "replace").rstrip("."))
        return found[0].encode() if found else None

    headers = raw_headers(read(seen)).get("dkim-signature", [])
    found = []
    for index, header in enumerate(headers):
        tags = {name.strip(): re.sub(r"\s", "", value) for name, _, value in map(_part, header.split(";"))}
        try:
            good = dkim.DKIM(seen).verify(index, dnsfunc=key)
            why = "" if good else "it does not fit the mail"
        except (dkim.DKIMException, ProbeError) as error:
            why = str(error)
        except Exception as error:  # what a key record holds breaks the library in many ways
            why = f"it cannot be checked: {type(error).__name__}: {error}"
        found.append(Signature(tags.get("d", "").lower(), tags.get("s", ""), why))
    return tuple(found)


def _part(tag: str) -> tuple[str, str, str]:
    return tag.partition("=")


def _dkim(domain: str, smtp: Smtp, signatures: tuple[Signature, ...] | None) -> Check:
    name = f"dkim of {domain}"
    if signatures is None:
        detail = "not told: no mail of ours from there has been seen at a control mailbox"
        return Check(name=name, ok=True, detail=detail)
    if not signatures:
        if smtp.via == "mx":
            detail = 'unsigned, as all that is handed over with via = "mx": DMARC rests on SPF alone'
            return Check(name=name, ok=True, detail=detail)
        advice = f"let {smtp.host} sign mail from {domain}: its provider says which key to publish"
        return Check(name=name, ok=False, detail="our newest mail seen at a control mailbox is unsigned", advice=advice)
    good = [one for one in signatures if not one.why]
    if not good:
        told = "; ".join(f"that of {one.domain}, key {one.selector}: {one.why}" for one in signatures)
        advice = "publish the key that the signer names, or look for what changes the mail after it is signed"
        return Check(
            name=name, ok=False, detail=f"no signature on our newest mail seen is good ({told})", advice=advice
        )
    ours = [one for one in good if dmarc.aligned(domain, one.domain, strict=False)]
    if not ours:
        who = ", ".join(one.domain for one in good)
        advice = f"have it signed for {domain} too: a signature of another domain says nothing of our address to DMARC"
        return Check(name=name, ok=False, detail=f"our newest mail seen is signed by {who} alone", advice=advice)
    detail = f"our newest mail seen is signed by {ours[0].domain}, key {ours[0].selector}"
    return Check(name=name, ok=True, detail=detail)


def _dmarc(
    domain: str, names: Names, by_spf: bool | None, signatures: tuple[Signature, ...] | None, told: Check
) -> Check:
    name = f"dmarc of {domain}"
    advice = f'publish a TXT record of _dmarc.{domain}, "v=DMARC1; p=none" to begin with'
    try:
        published = _published(domain, names)
    except ProbeError as error:
        return Check(name=name, ok=False, detail=str(error), advice=_AGAIN)
    if published is None:
        return Check(name=name, ok=False, detail="it publishes no DMARC policy", advice=advice)
    at, found = published
    if len(found) > 1:
        detail = f"_dmarc.{at} holds {len(found)} policies, so none counts"
        return Check(name=name, ok=False, detail=detail, advice="keep one of them")
    try:
        policy = dmarc.read(found[0])
    except ValueError as error:
        return Check(name=name, ok=False, detail=f'"{found[0]}" at _dmarc.{at}: {error}', advice=advice)
    wanted = policy.policy if at == domain else policy.subdomains
    where = f"p={wanted}" if at == domain else f"{wanted}, by the policy of {at}"
    by_dkim = None if signatures is None else any(
        not one.why and dmarc.aligned(domain, one.domain, strict=policy.strict_dkim) for one in signatures
    )  # fmt: skip
    ways = [way for way, holds in (("SPF", by_spf), ("DKIM", by_dkim)) if holds]
    if ways:
        return Check(name=name, ok=True, detail=f"{where}; aligned by {' and '.join(ways)}")
    if by_spf is None or by_dkim is None:
        unknown = "SPF" if by_spf is None else "DKIM"
        detail = f"{where}; not told whether anything speaks for our mail: see {unknown} above"
        return Check(name=name, ok=by_spf is None and told.ok, detail=detail, advice="mend SPF first")
    fate = {
        "reject": "mails will be refused",
        "quarantine": "mails will go to the junk folder",
        "none": "mails may be taken for forged",
    }[wanted]
    return Check(
        name=name, ok=False, detail=f"{where} and nothing aligns, neither SPF nor DKIM: {fate}",
        advice="mend SPF or DKIM before anything is sent",
    )  # fmt: skip


def _published(domain: str, names: Names) -> tuple[str, tuple[str, ...]] | None:
    """Where the policy stands, the domain itself or the one that was registered, and the records there."""
    for at in dict.fromkeys((domain, dmarc.organisation(domain))):
        if found := dmarc.records(names.texts(f"_dmarc.{at}")):
            return at, found
    return None
