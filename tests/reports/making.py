"""Outcome rows for tests of figures: a sent and silent probe unless told otherwise; times in microseconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from hypothesis import strategies as st

from reports.edition import Edition, Study
from reports.figures.model import DAY, HOUR
from reports.outcomes import COLUMNS, STATES

MINUTE = HOUR // 60
WINDOWS = (DAY, 7 * DAY, 30 * DAY)


def row(probe: str, business: str, **facts: Any) -> dict[str, Any]:
    """Sent at 0, heard through for 10 days, nothing came. `first_reply_at` is worked out unless given."""
    made: dict[str, Any] = dict.fromkeys(COLUMNS)
    made |= {
        "probe": probe, "study": "study", "version": 1, "business": business, "channel": "letter", "role": "recipient",
        "state": "sent", "accepted_by": "recipient_mx", "sent_at": 0, "disputed": False, "observed_until": 10 * DAY,
        "questions_asked": 2,
    }  # fmt: skip
    made |= facts
    if made["first_human_at"] is not None and made["first_human_kind"] is None:
        made["first_human_kind"] = "human"
    replies = [made[name] for name in ("first_human_at", "first_ack_at", "first_bot_at", "first_auto_at")]
    if "first_reply_at" not in facts:
        made["first_reply_at"] = min((at for at in replies if at is not None), default=None)
    return made


def _after(sent: int, wait: int) -> int:
    return max(sent + wait, 0)


@st.composite
def rows(draw: st.DrawFn, businesses: int = 14, most: int = 40) -> list[dict[str, Any]]:
    """A possible outcome table: what check() accepts, every state and kind of event among it."""

    def maybe(one: st.SearchStrategy[Any]) -> Any:
        return draw(st.one_of(st.none(), st.none(), one))

    made = []
    for at in range(draw(st.integers(0, most))):
        business = draw(st.integers(1, businesses))
        sent = draw(st.integers(0, 9 * DAY))
        wait = st.one_of(st.integers(-HOUR, 9 * DAY), st.sampled_from([0, HOUR, DAY, 5 * DAY, 7 * DAY]))
        when = st.builds(_after, st.just(sent), wait)
        bounced = maybe(when)
        made.append(
            row(
                f"p{at}",
                f"b{business}",
                group=f"g{business % 3}" if business % 2 else None,
                channel=draw(st.sampled_from(["letter", "visit"])),
                state=draw(st.sampled_from(["sent"] * 12 + list(STATES))),
                accepted_by=draw(st.sampled_from(["recipient_mx", "relay", None])),
                sent_at=sent,
                first_human_at=maybe(when),
                first_human_kind=None,
                first_ack_at=maybe(when),
                first_bot_at=maybe(when),
                first_auto_at=maybe(when),
                first_unclear_at=maybe(when),
                bounced_at=bounced,
                disputed=bounced is not None and draw(st.booleans()),
                observed_until=draw(st.one_of(st.none(), st.integers(sent, 40 * DAY))),
                gap_from=maybe(st.integers(sent, 30 * DAY)),
                questions_answered=draw(st.integers(0, 2)),
                role=draw(st.sampled_from(["recipient"] * 6 + ["control", "vendor"])),
            )
        )
    return made


def numbers(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every number, text and None of nested figures, with its path."""
    if is_dataclass(value):
        for field in fields(value):
            yield from numbers(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, tuple):
        yield f"{path}.length", len(value)
        for at, one in enumerate(value):
            yield from numbers(one, f"{path}.{at}")
    else:
        yield path, value


def alike(one: Any, other: Any, close: float = 1e-9) -> bool:
    """Equal, floats to within `close`."""
    first, second = dict(numbers(one)), dict(numbers(other))
    if first.keys() != second.keys():
        return False
    return all(
        abs(a - b) <= close if isinstance(a, float) and isinstance(b, float) else a == b and type(a) is type(b)
        for a, b in ((first[path], second[path]) for path in first)
    )


def study(**facts: Any) -> Study:
    known: dict[str, Any] = {
        "id": "study", "version": 1, "sha256": "0" * 64, "frozen_at": 0, "title": "A study", "question": "",
        "channels": ("letter",), "windows": WINDOWS, "headline": 7 * DAY, "design": "between", "schedule": "",
        "frame_list": None, "frame_drawn": None, "texts": (), "seed": 1,
    }  # fmt: skip
    return Study(**(known | facts))


def edition(**facts: Any) -> Edition:
    known: dict[str, Any] = {
        "id": "first", "now": 10 * DAY, "studies": (study(),), "units": {}, "events": {}, "names": True,
    }  # fmt: skip
    return Edition(**(known | facts))
