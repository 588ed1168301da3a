"""What becomes of a contact. Taken by one conditional UPDATE, committed before the wire; settled once it is known.

planned > sending > sent | not_sent | blocked | unknown        sending > deferred > sending
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import RowMapping, and_, or_, select, update

from monitor.facts import Refused
from monitor.store.engine import Store, add_unless_there, clean
from monitor.store.exhibits import keep_exhibits
from monitor.store.planning import Decide, Waiting, read_contacted
from monitor.store.records import OPEN_STATES, read_suppressed, stop_within
from monitor.store.tables import CONTACTS, ENDPOINTS, PROBES, RECEIPTS
from probes.contract import Enquiry, Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What came of taking a contact; `answer` is set when policy refused it."""

    result: Literal["claimed", "refused", "gone"]
    answer: Refused | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """A contact that has been `sending` for longer than a hand-over can last: nobody will report its fate."""

    contact: int
    attempt: int
    probe: str
    channel: str
    enquiry: Enquiry
    started_at: datetime


def claim(store: Store, item: Waiting, decide: Decide, now: datetime) -> Claim:
    """Take a contact for sending, if policy still lets it go: one transaction, alone with the store.

    `claimed`: nobody else will send it, and it is on disk as `sending`. `gone`: somebody else has taken it, it was
    stopped, or it is not due any more. `refused`: policy said no, in `answer`; for good, the contact is suppressed now.
    Asking here again makes caps hold between several senders, and a stop request count at once.
    """
    mine = (
        CONTACTS.c.id == item.contact,
        CONTACTS.c.state.in_(OPEN_STATES),
        CONTACTS.c.tries == item.tries,
        CONTACTS.c.due <= now,
    )
    with store.write() as connection:
        if connection.scalar(select(CONTACTS.c.id).where(*mine)) is None:
            return Claim(result="gone")
        history = read_contacted(connection, [item.due], now)
        (answer,) = decide([item.due], history, read_suppressed(connection))
        if isinstance(answer, Refused):
            if answer.until is None:
                values = {"state": "suppressed", "settled_at": now, "reason": answer.reason}
                connection.execute(update(CONTACTS).where(*mine).values(values))
            return Claim(result="refused", answer=answer)
        taken = update(CONTACTS).where(*mine).values(state="sending", started_at=now, tries=item.tries + 1)
        return Claim(result="claimed" if connection.execute(taken).rowcount == 1 else "gone")


def record_receipt(
    store: Store, contact: int, attempt: int, receipt: Receipt, retry_after: Sequence[timedelta] = ()
) -> str:
    """Record what became of try number `attempt` and settle the contact; returns its new state.

    A deferred try is due again after retry_after[attempt - 1]; when the waits are used up the contact is `not_sent`.
    A receipt that comes after its contact was given up as unknown still counts: it knows better. Where the recipient
    has asked never to be contacted, that holds from the same moment on, on every channel.
    """
    values: dict[str, object] = {"state": receipt.state, "reason": clean(receipt.reason), "settled_at": receipt.at}
    if receipt.state == "deferred":
        if attempt <= len(retry_after):
            values |= {"due": receipt.at + retry_after[attempt - 1], "settled_at": None}
        else:
            tries = "once" if attempt == 1 else f"{attempt} times"
            values |= {
                "state": "not_sent",
                "reason": f"refused for now each time (tried {tries}): {clean(receipt.reason)}",
            }
    row = {
        "contact_id": contact,
        "attempt": attempt,
        "state": receipt.state,
        "at": receipt.at,
        "accepted_by": receipt.accepted_by,
        "provider_id": receipt.provider_id,
        "code": receipt.code,
        "reason": clean(receipt.reason),
        "transcript": clean(receipt.transcript),
        "host": receipt.host,
        "tls": clean(receipt.tls),
        "reports_asked": receipt.reports_asked,
        "details": {clean(key): clean(value) for key, value in receipt.details.items()},
        "signs": [clean(sign) for sign in receipt.signs],
        "pattern": clean(receipt.pattern),
    }
    mine = (CONTACTS.c.id == contact, CONTACTS.c.tries == attempt, CONTACTS.c.state.in_(("sending", "unknown")))
    same = (RECEIPTS.c.contact_id == contact, RECEIPTS.c.attempt == attempt, RECEIPTS.c.state == "unknown")
    with store.write() as connection:
        if not add_unless_there(connection, RECEIPTS, row) and receipt.state != "unknown":
            connection.execute(update(RECEIPTS).where(*same).values(row))
        keep_exhibits(connection, contact, attempt, receipt.exhibits)
        if receipt.asked_to_stop:
            query = select(ENDPOINTS.c.address).join_from(PROBES, ENDPOINTS, PROBES.c.endpoint_id == ENDPOINTS.c.id)
            asked = connection.scalars(
                query.join(CONTACTS, CONTACTS.c.probe_id == PROBES.c.id).where(CONTACTS.c.id == contact)
            ).all()
            stop_within(connection, asked, clean(receipt.reason), receipt.at)
        connection.execute(update(CONTACTS).where(*mine).values(values))
        state: str = connection.scalars(select(CONTACTS.c.state).where(CONTACTS.c.id == contact)).one()
        return state


def stale(store: Store, limits: Mapping[str, timedelta], now: datetime, otherwise: timedelta) -> list[Stale]:
    """Contacts that have been `sending` for longer than their channel's limit, oldest first.

    `limits`: by channel; `otherwise` is the limit of channels that are no longer configured.
    """
    old = [and_(PROBES.c.channel == name, CONTACTS.c.started_at < now - limit) for name, limit in limits.items()]
    rest = and_(PROBES.c.channel.not_in(tuple(limits)), CONTACTS.c.started_at < now - otherwise)
    where = (CONTACTS.c.state == "sending", CONTACTS.c.due <= now, or_(*old, rest))
    with store.read() as connection:
        return [_stale(row) for row in connection.execute(_TAKEN.where(*where)).mappings()]


def unknown(store: Store, channels: Sequence[str], since: datetime) -> list[Stale]:
    """Contacts of these channels whose latest try began since then and whose fate is not known, oldest first."""
    where = (CONTACTS.c.state == "unknown", CONTACTS.c.started_at >= since, PROBES.c.channel.in_(tuple(channels)))
    with store.read() as connection:
        return [_stale(row) for row in connection.execute(_TAKEN.where(*where)).mappings()]


_TAKEN = (
    select(
        CONTACTS.c.id.label("contact"), CONTACTS.c.tries, CONTACTS.c.message_id, CONTACTS.c.started_at,
        PROBES.c.id.label("probe"), PROBES.c.channel, PROBES.c.reply_address, PROBES.c.sender_name, PROBES.c.subject,
        PROBES.c.body, PROBES.c.language, PROBES.c.intent, PROBES.c.number, ENDPOINTS.c.address,
    )
    .join_from(CONTACTS, PROBES, CONTACTS.c.probe_id == PROBES.c.id)
    .join(ENDPOINTS, PROBES.c.endpoint_id == ENDPOINTS.c.id)
    .order_by(CONTACTS.c.started_at)
)  # fmt: skip


def _stale(row: RowMapping) -> Stale:
    names = ("probe", "sender_name", "subject", "body", "language", "message_id", "intent", "number")
    reply_to = row["reply_address"] or ""
    enquiry = Enquiry(**{name: row[name] for name in names}, to=row["address"], reply_to=reply_to)
    return Stale(
        contact=row["contact"], attempt=row["tries"], probe=row["probe"], channel=row["channel"], enquiry=enquiry,
        started_at=row["started_at"],
    )  # fmt: skip


def give_up(store: Store, contact: int, attempt: int, reason: str, now: datetime) -> bool:
    """Call a contact `unknown`: it may or may not have been accepted, and is never sent again.

    False, and nothing done, when its fate is known by now.
    """
    mine = (CONTACTS.c.id == contact, CONTACTS.c.tries == attempt, CONTACTS.c.state == "sending")
    values = {"state": "unknown", "settled_at": now, "reason": reason}
    with store.write() as connection:
        return connection.execute(update(CONTACTS).where(*mine).values(values)).rowcount == 1
