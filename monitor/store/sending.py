"""What becomes of a contact. Taken by one conditional UPDATE, committed before the wire; settled once it is known.

planned > sending > sent | not_sent | blocked | unknown        sending > deferred > sending
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import and_, or_, select, update

from monitor.facts import Refused
from monitor.store.engine import Store, add_unless_there, clean
from monitor.store.exhibits import keep_exhibits
from monitor.store.planning import Decide, Waiting, read_contacted
from monitor.store.records import OPEN_STATES, read_suppressed
from monitor.store.tables import CONTACTS, ENDPOINTS, PROBES, RECEIPTS
from probes.contract import Receipt


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
    address: str
    message_id: str
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
    A receipt that comes after its contact was given up as unknown still counts: it knows better.
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
    with store.write() as connection:
        add_unless_there(connection, RECEIPTS, row)
        keep_exhibits(connection, contact, attempt, receipt.exhibits)
        connection.execute(update(CONTACTS).where(*mine).values(values))
        state: str = connection.scalars(select(CONTACTS.c.state).where(CONTACTS.c.id == contact)).one()
        return state


def stale(store: Store, limits: Mapping[str, timedelta], now: datetime, otherwise: timedelta) -> list[Stale]:
    """Contacts that have been `sending` for longer than their channel's limit, oldest first.

    `limits`: by channel; `otherwise` is the limit of channels that are no longer configured.
    """
    query = (
        select(
            CONTACTS.c.id.label("contact"),
            CONTACTS.c.tries.label("attempt"),
            PROBES.c.id.label("probe"),
            PROBES.c.channel,
            ENDPOINTS.c.address,
            CONTACTS.c.message_id,
            CONTACTS.c.started_at,
        )
        .join_from(CONTACTS, PROBES, CONTACTS.c.probe_id == PROBES.c.id)
        .join(ENDPOINTS, PROBES.c.endpoint_id == ENDPOINTS.c.id)
        .where(CONTACTS.c.state == "sending", CONTACTS.c.due <= now)
        .order_by(CONTACTS.c.started_at)
    )
    old = [and_(PROBES.c.channel == name, CONTACTS.c.started_at < now - limit) for name, limit in limits.items()]
    rest = and_(PROBES.c.channel.not_in(tuple(limits)), CONTACTS.c.started_at < now - otherwise)
    with store.read() as connection:
        return [Stale(**row) for row in connection.execute(query.where(or_(*old, rest))).mappings()]


def give_up(store: Store, contact: int, attempt: int, reason: str, now: datetime) -> bool:
    """Call a contact `unknown`: it may or may not have been accepted, and is never sent again.

    False, and nothing done, when its fate is known by now.
    """
    mine = (CONTACTS.c.id == contact, CONTACTS.c.tries == attempt, CONTACTS.c.state == "sending")
    values = {"state": "unknown", "settled_at": now, "reason": reason}
    with store.write() as connection:
        return connection.execute(update(CONTACTS).where(*mine).values(values)).rowcount == 1
