"""Hands one mail over, once, and says what became of it.

    before the final dot has left us   4xx, cut or silence: deferred     5xx: not_sent
    from the final dot on              2xx: sent   4xx: deferred   5xx: not_sent   cut, silence, nonsense: unknown

A server that loses the connection before the dot must forget the mail (RFC 5321 section 3.8), so a further try cannot
make two. What is wrong with our own relay's log-in or TLS is `deferred` too: it says nothing of the recipient.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from probes import guard
from probes.contract import AcceptedBy, Clock, ContactState, Enquiry, ProbeError, Receipt, TargetRefused
from probes.mail import exchange
from probes.mail.address import domain_of
from probes.mail.compose import Letter, compose, letter
from probes.mail.servers import NO_TLS, Smtp, tls_context
from probes.mail.session import Lacking, Lost, Refused, Session, Step
from probes.mail.transcript import Transcript

DEADLINE = 15 * 60.0
"""Seconds a hand-over may take at most, whatever the time-outs; what follows the last step needs a few more."""

_PATIENCE = 5
"""Time-outs that the answer to the final dot may take: with two minutes, the ten that RFC 5321 4.5.3.2 asks for."""

_MOST_SERVERS, _MOST_ADDRESSES = 5, 4

_OURS = frozenset({Step.TLS, Step.AUTH})
_ABOUT_US = re.compile(r"\b[45]\.(?:7\.\d+|1\.[78])\b")
"""Enhanced status X.7.X, security or policy, X.1.7 and X.1.8, our own address (RFC 3463): it refuses our server, our
address or our text, whoever we write to."""

_RELAYING = re.compile(r"\brelay", re.I)

_QUEUED = (
    re.compile(r"queued (?:mail )?as ([\w.-]{4,64})", re.I),
    re.compile(r"\bid=([\w.-]{4,64})"),
    re.compile(r"\bInternalId=(\d+)"),
    re.compile(r"\b2\.\d\.\d ([\w.-]{8,64}) message accepted", re.I),
    re.compile(r"\bok (\d+ qp \d+)", re.I),
    re.compile(r"\bok +\d+ ([\w.-]+) - gsmtp", re.I),
    re.compile(r"\bok:? +(?:queued )?([0-9A-Za-z][\w.-]{9,80})(?:\s|$)", re.I),
)


Resolve: TypeAlias = Callable[[str], tuple[str, ...]]
"""Gives the IP addresses of a host; () when it has none. Raises ProbeError when that cannot be found out."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try ended, before it is a receipt."""

    state: ContactState
    reason: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Reached:
    """An open connection, and how to get at the same server again."""

    host: str
    target: guard.Target
    sock: socket.socket


def judge(error: Refused | Lost | Lacking, *, relay: bool) -> Outcome:
    """What a mail has become when its hand-over ended in `error`. `relay`: the server is our own provider's."""
    if isinstance(error, Refused):
        ours = relay and error.step in _OURS
        state: ContactState = "deferred" if error.code < 500 or ours else "not_sent"
        advice = "; check user and password" if ours and error.step is Step.AUTH else ""
        return Outcome(state, f"{error}{advice}", str(error.code))
    if isinstance(error, Lacking):
        return Outcome("deferred" if error.step in _OURS else "not_sent", str(error))
    if error.step is Step.DOT:
        return Outcome("unknown", f"{error}; the mail may have been accepted")
    return Outcome("deferred", f"{error}; nothing was accepted")


def is_about_us(error: Refused, *, relay: bool) -> bool:
    """Whether a refusal is about ourselves, not about whom we write to.

    What our own relay refuses before it has heard the recipient, or of the text, is about us; so is what it does not
    pass on for us.
    """
    if _ABOUT_US.search(str(error)):
        return True
    return relay and (error.step is not Step.RCPT or _RELAYING.search(str(error)) is not None)


def queue_id(reply: str) -> str | None:
    """The receiving server's name for the mail, where its 250 gives one."""
    for pattern in _QUEUED:
        if found := pattern.search(reply):
            return found[1]
    return None


def _not_routed(domain: str) -> TargetRefused:
    return TargetRefused(f"{domain} has no route to this machine; set `live = true` in the config to reach it")


class Handover:
    """Sends by the `smtp` table. Keeps no connection: each mail is one conversation, so threads may share it."""

    def __init__(
        self, smtp: Smtp, *, live: bool, ask: exchange.Lookup = exchange.lookup, resolve: Resolve | None = None
    ) -> None:
        """`ask`: who takes mail for a domain. `resolve`: name servers of our own choice, which then also say where
        those servers are; they are asked even while the config is not live, and then only this machine is called."""
        self._smtp = smtp
        self._resolve = resolve
        self._live = live
        self._ask = ask
        self._contexts: dict[bool, ssl.SSLContext] = {}
        self._relay = smtp.via == "relay"
        self._timeout = smtp.timeout.total_seconds()
        self._connect_timeout = smtp.connect_timeout.total_seconds()

    # ------------------------------------------------------------------ before sending
    def refusal(self, domain: str) -> str | None:
        """Why no server may be called for this domain while the config is not live; None when one may."""
        if self._live:
            return None
        smtp = self._smtp
        route = (smtp.host, smtp.port or 587) if self._relay else smtp.route(domain)
        try:
            if route is not None:
                self._targets(*route)
            elif self._resolve is None:
                raise _not_routed(domain)
            else:
                for host in exchange.exchanges(domain, self._ask, domain)[:_MOST_SERVERS]:
                    self._exchange_targets(host, domain)
        except TargetRefused as refused:
            return str(refused)
        except ProbeError:
            return None  # sending will say what is the matter
        return None

    # ------------------------------------------------------------------ sending
    def send(self, enquiry: Enquiry, now: Clock) -> Receipt:
        """One try. Never raises for what the wire did: the receipt says it."""
        try:
            written = letter(enquiry)
        except ValueError as error:
            return Receipt(state="not_sent", at=now(), reason=str(error))
        transcript = Transcript()
        at = None
        refused_by_a_server = our_side = False
        with_them: Session | None = None
        try:
            with_them = self.open_session(domain_of(written.recipient), enquiry.message_id, transcript)
            try:
                reply = self._deliver(with_them, written, now)
                at = now()
            finally:
                with_them.leave(min(self._timeout, 5.0) if at else 0.01)
            outcome = Outcome("sent", f"accepted: {reply}", reply[:3])
        except (Refused, Lost, Lacking) as error:
            outcome = judge(error, relay=self._relay)
            if isinstance(error, Refused):
                for_now = self._relay and outcome.state == "deferred"  # no refusal at all: it is tried again
                about_us = is_about_us(error, relay=self._relay)
                refused_by_a_server = for_now or not about_us
                our_side = self._relay and about_us and error.code >= 500
        except ProbeError as error:
            refused = isinstance(error, TargetRefused) or (error.permanent and not self._relay)
            outcome = Outcome("not_sent" if refused else "deferred", str(error))
        except ssl.SSLError as error:
            outcome = Outcome("deferred", tls_reason(error))
        sent = outcome.state == "sent"
        by: AcceptedBy | None = None
        if sent or refused_by_a_server:
            by = "relay" if self._relay else "recipient_mx"
        return Receipt(
            state=outcome.state,
            at=at or now(),
            accepted_by=by,
            provider_id=queue_id(outcome.reason) if sent else None,
            code=outcome.code,
            reason=transcript.clean(outcome.reason),
            transcript=str(transcript),
            host=with_them.host if with_them else None,
            tls=with_them.tls if with_them else "",
            reports_asked=sent and with_them is not None and with_them.reports_asked,
            our_side=our_side,
        )

    def _deliver(self, session: Session, written: Letter, now: Clock) -> str:
        eight_bit = session.has_extn("8bitmime")
        if written.needs_utf8 and not (session.has_extn("smtputf8") and eight_bit):
            raise Lacking(Step.MAIL, "the address needs SMTPUTF8 (RFC 6531) and the server does not offer it")
        content = compose(written, now(), eight_bit=eight_bit)
        session.envelope(
            written.sender, written.recipient, size=len(content), utf8=written.needs_utf8, eight_bit=eight_bit,
            envelope_id=written.enquiry.message_id.strip("<>"),
        )  # fmt: skip
        return session.hand_over(content, patience=self._timeout * _PATIENCE)

    # ------------------------------------------------------------------ getting connected
    def open_session(self, domain: str, seed: str, transcript: Transcript) -> Session:
        """A conversation that is ready for MAIL: with our relay, or with one server of `domain`.

        Raises ProbeError (TargetRefused, no such host or domain), Refused, Lost, Lacking or ssl.SSLError.
        """
        deadline = time.monotonic() + DEADLINE
        return self._converse(self._reach(domain, seed, deadline, transcript), deadline, transcript)

    def _reach(self, domain: str, seed: str, deadline: float, transcript: Transcript) -> Reached:
        """Connects to the first server that can be connected to."""
        smtp = self._smtp
        if self._relay:
            port = smtp.port or (465 if smtp.security == "tls" else 587)
            return self._dial(smtp.host, self._targets(smtp.host, port), deadline, transcript)
        route = smtp.route(domain)
        if route is not None:
            return self._dial(route[0], self._targets(*route), deadline, transcript)
        if not self._live and self._resolve is None:
            raise _not_routed(domain)
        failures: list[ProbeError | Lost] = []
        for host in exchange.exchanges(domain, self._ask, seed)[:_MOST_SERVERS]:
            try:
                return self._dial(host, self._exchange_targets(host, domain), deadline, transcript)
            except (Lost, guard.Unresolved, exchange.NoExchange) as error:
                failures.append(error)
        raise next((error for error in failures if not getattr(error, "permanent", False)), failures[0])

    def _targets(self, host: str, port: int) -> tuple[guard.Target, ...]:
        needs = NO_TLS if self._smtp.security == "none" else ""
        return guard.targets(host, port, live=self._live, needs_loopback=needs)[:_MOST_ADDRESSES]

    def _exchange_targets(self, host: str, domain: str) -> tuple[guard.Target, ...]:
        """Where a mail server of `domain` is; never this machine, which would take its own mail for theirs."""
        port = self._smtp.port or 25
        if self._resolve is None:
            found = self._targets(host, port)
        else:
            ips = self._resolve(host)
            if not ips:
                raise guard.Unresolved(f"{host} takes mail for {domain} and has no address", permanent=True)
            found = tuple(replace(one, host=host) for ip in ips for one in self._targets(ip, port))
        if self._live and any(guard.is_loopback(target.ip) for target in found):
            raise exchange.NoExchange(f"{host} takes mail for {domain} and is this machine", permanent=True)
        return found

    def _dial(self, host: str, found: tuple[guard.Target, ...], deadline: float, transcript: Transcript) -> Reached:
        try:
            left = max(deadline - time.monotonic(), 0.001)
            sock, target = guard.connect_any(found, timeout=min(self._connect_timeout, left))
        except OSError as error:
            reason = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
            where = f"{found[-1]} port {found[-1].port}"
            transcript.note("*", f"cannot connect to {where}: {reason}")
            raise Lost(Step.CONNECT, f"cannot connect to {where} ({reason})") from error
        transcript.note("*", f"connected to {target} port {target.port}")
        return Reached(host, target, sock)

    def _converse(self, reached: Reached, deadline: float, transcript: Transcript) -> Session:
        """Greeting, EHLO, TLS and log-in. To the recipient's own server TLS is opportunistic (RFC 7435)."""
        smtp = self._smtp
        wishes: list[ssl.SSLContext | None] = [None if smtp.security == "none" else self._context(verify=smtp.verify)]
        if not self._relay and smtp.security != "none":
            wishes += [self._context(verify=False), None] if smtp.verify else [None]
        while True:
            context = wishes.pop(0)
            session = Session(
                reached.sock, hello=self._hello(), timeout=self._timeout, deadline=deadline, transcript=transcript
            )
            try:
                session.host = reached.host
                self._prepare(session, context, reached.host)
                return session
            except (ssl.SSLError, Refused, Lost, Lacking) as error:
                session.leave(0.01)
                if not wishes or getattr(error, "step", Step.TLS) is not Step.TLS:
                    raise
                if not isinstance(error, ssl.SSLCertVerificationError):
                    wishes = wishes[-1:]
                transcript.note("*", f"{tls_reason(error)}; once more, asking for less")
            reached = self._dial(reached.host, (reached.target,), deadline, transcript)

    def _prepare(self, session: Session, context: ssl.SSLContext | None, host: str) -> None:
        smtp = self._smtp
        if context and smtp.security == "tls":
            session.wrap(context, host)
        session.greet()
        session.introduce()
        if context and smtp.security == "starttls" and (self._relay or session.has_extn("starttls")):
            session.secure(context, host)
            session.introduce()
        if smtp.user and smtp.password:
            session.authenticate(smtp.user, smtp.password.get_secret_value())

    def _hello(self) -> str:
        if self._smtp.hello:
            return self._smtp.hello
        name = socket.getfqdn() if self._live else socket.gethostname()
        return name if "." in name and name.isascii() else "[127.0.0.1]"

    def _context(self, *, verify: bool) -> ssl.SSLContext:
        if verify not in self._contexts:
            self._contexts[verify] = tls_context(verify=verify, ca_file=self._smtp.ca_file)
        return self._contexts[verify]


def tls_reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate does not pass ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or error})"
    return str(error)
