"""The lines of `doctor` for mail: each part tried by a round trip that sends nothing and changes nothing."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from typing import Any

from probes.contract import Check, ProbeError, TargetRefused
from probes.mail import exchange
from probes.mail.handover import Handover, tls_reason
from probes.mail.imap import connection, places
from probes.mail.servers import Imap, Smtp
from probes.mail.session import Lacking, Lost, Refused, Session
from probes.mail.transcript import Transcript

_LIVE = "set `live = true` in the config once you mean to reach the world"


def check_smtp(
    smtp: Smtp, handover: Handover, *, live: bool, ask: exchange.Lookup = exchange.lookup
) -> Iterator[Check]:
    """Connection, TLS, log-in, and whether our address may send; for `via = "mx"` each route, or the name servers."""
    if smtp.via == "relay":
        yield from _conversation(f"smtp {smtp.host}", "relay", smtp, handover)
        return
    for domain in smtp.routes:
        name = "anything.invalid" if domain == "*" else domain
        yield from _conversation(f"smtp route {domain}", name, smtp, handover)
    if not live and "*" not in smtp.routes:
        yield Check(name="smtp mx", ok=bool(smtp.routes), detail="only domains with a route are sent to", advice=_LIVE)
    elif live and "*" not in smtp.routes:
        yield _name_servers(ask)


def _name_servers(ask: exchange.Lookup) -> Check:
    began = time.monotonic()
    try:
        ask("example.com")
    except exchange.NoExchange as error:
        return Check(name="smtp mx", ok=False, detail=str(error), advice="check the name servers of this machine")
    seconds = time.monotonic() - began
    return Check(name="smtp mx", ok=True, detail=f"the name servers answer for mail servers ({seconds:.1f} s)")


def _conversation(name: str, domain: str, smtp: Smtp, handover: Handover) -> Iterator[Check]:
    transcript = Transcript()
    try:
        session = handover.open_session(domain, "check", transcript)
    except TargetRefused as error:
        yield Check(name=name, ok=False, detail=str(error), advice=_LIVE)
        return
    except (ProbeError, Refused, Lost, Lacking) as error:
        yield Check(name=name, ok=False, detail=transcript.clean(str(error)), advice=_advice(error))
        return
    except ssl.SSLError as error:
        advice = "name the server's certificate authority in ca_file, or correct host"
        yield Check(name=name, ok=False, detail=tls_reason(error), advice=advice)
        return
    try:
        sock = session.sock
        version = sock.version() if isinstance(sock, ssl.SSLSocket) else None
        logged_in = f", logged in as {smtp.user}" if smtp.user else ""
        yield Check(name=name, ok=True, detail=f"{version or 'no TLS'}{logged_in}")
        if "@" in smtp.user:
            yield _sender(name, smtp.user, session)
    finally:
        session.leave(2.0)


def _sender(name: str, user: str, session: Session) -> Check:
    try:
        code, text = session.docmd("MAIL", f"FROM:<{user}>")
        session.docmd("RSET")
    except (Lost, OSError) as error:
        return Check(
            name=f"{name} sender", ok=False, detail=str(error), advice="try again; ask the provider if it stays"
        )
    said = f"{code} {text.decode('utf-8', 'replace')}"
    return Check(
        name=f"{name} sender", ok=200 <= code < 300, detail=f"MAIL FROM:<{user}>: {said}",
        advice="" if 200 <= code < 300 else "the provider must let this account send from its own address",
    )  # fmt: skip


def _advice(error: Exception) -> str:
    step = str(getattr(error, "step", ""))
    if step == "log-in":
        return "check user and password"
    if step == "STARTTLS":
        return 'try security = "tls" with port 465'
    return "check host and port, and that this machine may connect out"


def check_imap(imap: Imap, *, live: bool) -> Iterator[Check]:
    """Log-in, the folders, a junk folder that is not listened to, and whether IDLE works."""
    name = f"imap {imap.host}"
    try:
        with connection(imap, live=live) as client:
            yield Check(name=name, ok=True, detail=f"logged in as {imap.user}")
            found = places(client, imap)
            counts = []
            for place in found:
                info = client.select_folder(place.name, readonly=True)
                counts.append(f"{place.name} {int(info[b'EXISTS'])}")
            yield Check(name=f"{name} folders", ok=True, detail=f"messages: {', '.join(counts)}")
            yield _junk(name, client, {place.name for place in found}, any(place.junk for place in found))
            yield _idle(name, client, found[0].name)
    except TargetRefused as error:
        yield Check(name=name, ok=False, detail=str(error), advice=_LIVE)
    except ProbeError as error:
        yield Check(name=name, ok=False, detail=str(error), advice="correct the imap table, or try again later")


def _junk(name: str, client: Any, read: set[str], some: bool) -> Check:
    marked = {str(folder) for flags, _, folder in client.list_folders() if b"\\Junk" in flags}
    missed = sorted(marked - read)
    if missed:
        detail = f"the server's junk folder {', '.join(missed)} is not read"
        return Check(name=f"{name} junk", ok=False, detail=detail, advice=f"add {missed[0]!r} to `folders` and `junk`")
    detail = "the junk folder is read" if some else "the server has no junk folder that we know of"
    return Check(name=f"{name} junk", ok=True, detail=detail)


def _idle(name: str, mailbox: Any, folder: str) -> Check:
    if not mailbox.has_capability("IDLE"):
        return Check(name=f"{name} IDLE", ok=True, detail="not offered: the mailbox is read every minute")
    mailbox.select_folder(folder, readonly=True)
    mailbox.idle()
    mailbox.idle_check(timeout=0.1)
    mailbox.idle_done()
    return Check(name=f"{name} IDLE", ok=True, detail="works")
