"""The outcome table: one row per probe, times and facts only. Figures read nothing else.

Times are int64 microseconds since 1970-01-01 UTC, or null. Text columns are plain text, never an enum.
`frame()` builds the table, `check()` refuses one that breaks it, `disposition()` says what each row counts as.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

COLUMNS: dict[str, Any] = {
    "probe": pl.String,  # id
    "study": pl.String,
    "version": pl.Int64,  # version of the frozen study
    "business": pl.String,  # key, or code where names are off: the unit
    "group": pl.String,  # owner or shared help desk; null: none
    "channel": pl.String,
    "scenario": pl.String,
    "intent": pl.String,
    "language": pl.String,
    "persona": pl.String,
    "pair": pl.String,
    "role": pl.String,  # recipient | vendor | control
    # planned | sending | deferred | sent | not_sent | blocked | unknown | suppressed | not_contactable
    "state": pl.String,
    "reason": pl.String,  # why it was not sent, in words
    # recipient_mx | relay | null; for `not_sent`: whose server refused it for good, null when it was us or nobody knows
    "accepted_by": pl.String,
    # the clock starts: receipt (for `unknown`: when the try began; for `not_sent`: when it was refused, or null)
    "sent_at": pl.Int64,
    "first_reply_at": pl.Int64,  # any reply of a person or a machine, surely matched
    "first_ack_at": pl.Int64,  # auto_acknowledgement
    "first_bot_at": pl.Int64,
    "first_auto_at": pl.Int64,  # out_of_office, auto_reply, challenge
    "first_unclear_at": pl.Int64,  # unclear, weakly matched, or from a stranger
    "first_human_at": pl.Int64,
    "first_human_kind": pl.String,  # human | opt_out
    "bounced_at": pl.Int64,  # first bounce
    "disputed": pl.Boolean,  # the bounce does not stand alone (DESIGN section 2, not_delivered)
    "bounce_hard": pl.Boolean,  # the first bounce was for good (true) or for now (false); null: it does not say
    "mailbox_full": pl.Boolean,  # a bounce said so
    "delayed_at": pl.Int64,  # first notice that it is not delivered yet
    "delivered_at": pl.Int64,  # proof that it came into the mailbox: their server's report, or our own copy (control)
    "delivered_junk": pl.Boolean,  # that copy stood in a junk folder
    "observed_until": pl.Int64,  # we have heard everything until then
    "gap_from": pl.Int64,  # start of the first deaf gap that was never closed
    "promised_at": pl.Int64,  # first promise of an answer by a machine
    "promise_due_at": pl.Int64,  # its deadline; null: none was named
    "noreply": pl.Boolean,  # a reply came from an address that takes no answer
    "junk": pl.Boolean,  # the first human reply was found in a junk folder
    "by_hand": pl.Boolean,  # a person decided about one of its arrivals
    "questions_asked": pl.Int64,
    "questions_answered": pl.Int64,
}

REQUIRED = ("probe", "study", "version", "business", "channel", "role", "state", "disputed", "questions_asked")
"""Columns that are never null."""

DISPOSITIONS = (
    "not_contactable", "suppressed", "blocked", "not_sent", "unknown", "answered", "not_delivered", "not_heard",
    "machine_only", "undetermined", "pending", "unanswered",
)  # fmt: skip
"""Every disposition, in the order of decision: the first that applies."""

BEFORE_SENDING = ("not_contactable", "suppressed", "blocked", "not_sent")
"""Dispositions that wait for nothing: they are the states of the same name."""

IN_DENOMINATOR = ("answered", "machine_only", "unanswered")
"""Dispositions that the headline rate divides by."""

STATES = (*BEFORE_SENDING, "planned", "sending", "deferred", "sent", "unknown")
ROLES = ("recipient", "vendor", "control")

BOUNCE_LIMIT = 5 * 24 * 3_600_000_000
"""A bounce within this time of sending tells that the probe was never delivered."""

_EVENTS = (
    "first_reply_at", "first_ack_at", "first_bot_at", "first_auto_at", "first_unclear_at", "first_human_at",
    "bounced_at",
)  # fmt: skip


_MOMENTS = (
    "sent_at", "delayed_at", "delivered_at", "observed_until", "gap_from", "promised_at", "promise_due_at",
)  # fmt: skip


class OutcomeError(ValueError):
    """The outcome table says something that cannot be: names the column, the first probe and how many rows."""


def frame(rows: Iterable[Mapping[str, Any]] | pl.DataFrame) -> pl.DataFrame:
    """The outcome table from rows, or from a frame as a driver read it (0/1 for booleans, all-null columns).

    Every column of COLUMNS must be there and no other. Raises OutcomeError, also for all that check() refuses.
    """
    if isinstance(rows, pl.DataFrame):
        return check(_adopt(rows))
    listed = list(rows)
    for row in listed:
        if row.keys() != COLUMNS.keys():
            raise OutcomeError(f"probe {row.get('probe')!r}: {_names(set(row), set(COLUMNS))}")
    try:
        made = pl.DataFrame({name: [row[name] for row in listed] for name in COLUMNS}, schema=COLUMNS, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError) as error:
        raise OutcomeError(f"a value has another type than its column: {error}") from error
    return check(made)


def check(frame: pl.DataFrame) -> pl.DataFrame:
    """The same frame, columns in order; raises OutcomeError when it breaks columns, types or sense.

    Not refused: a reply stamped before the receipt (clocks differ: its wait counts as 0), a reply to a probe that was
    not sent or whose fate is unknown (it does not make it sent), `observed_until` null (nothing heard yet) or later
    than `now`. Refused: null in REQUIRED; a state, role or kind that does not exist; `sent` or `unknown` without
    `sent_at`; a time before 1970; two rows of role recipient for one probe; a reply later than the reply it is the
    first of; `disputed` without a bounce; more questions answered than asked.
    """
    if set(frame.columns) != set(COLUMNS):
        raise OutcomeError(_names(set(frame.columns), set(COLUMNS)))
    for name, kind in COLUMNS.items():
        if frame.schema[name] != kind:
            raise OutcomeError(f"column {name!r} is {frame.schema[name]}, not {kind}")
    frame = frame.select(list(COLUMNS))
    if frame.is_empty():
        return frame
    wrong = _impossible()
    found = frame.select(rule.any().alias(says) for says, rule in wrong.items()).row(0, named=True)
    for says, broken in found.items():
        if broken:
            bad = frame.filter(wrong[says])
            raise OutcomeError(f"probe {bad['probe'][0]!r}: {says} ({bad.height} of {frame.height} rows)")
    asked = frame.filter(pl.col("role") == "recipient")["probe"]
    if asked.n_unique() != asked.len():
        twice = asked.filter(asked.is_duplicated())
        raise OutcomeError(
            f"probe {twice[0]!r}: more than one row of role 'recipient' ({twice.n_unique()} such probes)"
        )
    return frame


def _names(found: set[str], wanted: set[str]) -> str:
    missing, extra = sorted(wanted - found), sorted(found - wanted)
    return f"columns missing: {', '.join(missing) or 'none'}; not known: {', '.join(extra) or 'none'}"


def _adopt(frame: pl.DataFrame) -> pl.DataFrame:
    if set(frame.columns) != set(COLUMNS):
        raise OutcomeError(_names(set(frame.columns), set(COLUMNS)))
    casts: list[pl.Expr] = []
    for name, kind in COLUMNS.items():
        found = frame.schema[name]
        if found == kind:
            continue
        if frame[name].null_count() == frame.height or (kind == pl.Int64 and found.is_integer()):
            casts.append(pl.col(name).cast(kind))
        elif kind == pl.Boolean and found.is_integer() and frame[name].is_between(0, 1).all():
            casts.append(pl.col(name).cast(pl.Boolean))
        else:
            raise OutcomeError(f"column {name!r} is {found}, not {kind}")
    return frame.with_columns(casts)


def _impossible() -> dict[str, pl.Expr]:
    c = pl.col
    asked, answered = c("questions_asked"), c("questions_answered")
    human, kind = c("first_human_at"), c("first_human_kind")
    rules = {f"{name} is null": c(name).is_null() for name in REQUIRED}
    rules |= {
        f"state is none of {', '.join(STATES)}": ~c("state").is_in(STATES),
        f"role is none of {', '.join(ROLES)}": ~c("role").is_in(ROLES),
        "accepted_by is none of recipient_mx, form and relay": ~c("accepted_by").is_in(
            ["recipient_mx", "form", "relay"]
        ),
        "first_human_kind is neither human nor opt_out": ~kind.is_in(["human", "opt_out"]),
        "state says it was sent, but sent_at is null": c("state").is_in(["sent", "unknown"]) & c("sent_at").is_null(),
        "of first_human_at and first_human_kind one is null": human.is_null() != kind.is_null(),
        "disputed, but bounced_at is null": c("disputed") & c("bounced_at").is_null(),
        "questions_asked is negative": asked < 0,
        "questions_answered is not between 0 and questions_asked": ~answered.is_between(0, asked),
    }
    for name in (*_MOMENTS, *_EVENTS):
        rules[f"{name} lies before 1970"] = c(name) < 0
    for name in ("first_ack_at", "first_bot_at", "first_auto_at", "first_human_at"):
        late = c(name).is_not_null() & (c("first_reply_at").is_null() | (c("first_reply_at") > c(name)))
        rules[f"first_reply_at is later than {name}"] = late
    return {says: rule.fill_null(value=False) for says, rule in rules.items()}


def disposition(frame: pl.DataFrame, *, window: int, now: int) -> pl.DataFrame:
    """The frame with two more columns: `disposition` (one of DISPOSITIONS) and `closed`; see facts_at()."""
    found = facts_at(window=window, now=now)
    word = found["code"].replace_strict(dict(enumerate(DISPOSITIONS)), return_dtype=pl.String)
    return frame.with_columns(word.alias("disposition"), found["closed"].alias("closed"))


def facts_at(*, window: int, now: int) -> dict[str, pl.Expr]:
    """What each row counts as at one window, as expressions. `window` in microseconds, `now` the moment asked about.

    - `code`: index into DISPOSITIONS, the first that applies; total: every combination of columns gives exactly one.
    - `closed`: the window was over and heard through: sent_at + window <= observed_until, gap_from and now. A
      `not_heard` row can never be heard through: closed when its window is over. Rows that wait for nothing
      (BEFORE_SENDING) are closed, `not_sent` with a time when its window is over.
    - `deaf`: a deaf gap that was never closed began before the window's end, and the window is over.
    - `human`, `machine`, `bot`, `ack`: such a reply came within the window.

    A deaf gap is decided before machines and unclear arrivals: an acknowledgement heard before we went deaf does not
    show that no person answered after. An answer before the gap stands, but is not closed: else the answered would
    enter the rate and the silent of the same days would not.

    An event counts when max(event, sent_at) <= min(sent_at + window, now): one stamped before the receipt counts as a
    wait of 0, one after the window or after `now` not at all. A bounce within BOUNCE_LIMIT of sending tells whether
    the probe was delivered, not how long anybody waited: it counts whatever the window, unless it is `disputed`, when
    it leaves the row `undetermined`. A later bounce proves nothing about delivery: inside the window it leaves the row
    `undetermined`, after it it is ignored.
    """
    c = pl.col
    end = c("sent_at") + window
    begun = (c("sent_at") <= now).fill_null(value=False)

    def came(name: str, by: pl.Expr) -> pl.Expr:
        return begun & ((c(name) <= by) & (c(name) <= now)).fill_null(value=False)

    bounced_soon = came("bounced_at", c("sent_at") + BOUNCE_LIMIT)
    bounced = came("bounced_at", end) | bounced_soon
    human, bot, ack = came("first_human_at", end), came("first_bot_at", end), came("first_ack_at", end)
    machine = bot | ack | came("first_auto_at", end) | came("first_reply_at", end)
    deaf = (c("gap_from") < end).fill_null(value=False) & begun
    over = (end <= now).fill_null(value=False)
    heard = over & (end <= c("observed_until")).fill_null(value=False) & ~deaf
    state, code = c("state"), {name: pl.lit(at, pl.UInt8) for at, name in enumerate(DISPOSITIONS)}
    found: Any = pl.when(state == "not_contactable").then(code["not_contactable"])
    for name in ("suppressed", "blocked", "not_sent", "unknown"):
        found = found.when(state == name).then(code[name])
    found = found.when(state != "sent").then(code["pending"])
    for name, rule in {
        "answered": human,
        "not_delivered": bounced_soon & ~c("disputed"),
        "not_heard": deaf,
        "machine_only": machine,
        "undetermined": bounced | came("first_unclear_at", end),
        "pending": ~heard,
    }.items():
        found = found.when(rule).then(code[name])
    decided: pl.Expr = found.otherwise(code["unanswered"])
    closed = (
        pl.when(state.is_in(["not_contactable", "suppressed", "blocked"]))
        .then(pl.lit(value=True))
        .when(state == "not_sent")
        .then(c("sent_at").is_null() | over)
        .when(~state.is_in(["sent", "unknown"]))
        .then(pl.lit(value=False))
        .when(decided == DISPOSITIONS.index("not_heard"))
        .then(over)
        .otherwise(heard)
    )
    return {
        "code": decided,
        "closed": closed,
        "deaf": deaf & over,
        "human": human,
        "machine": machine,
        "bot": bot,
        "ack": ack,
    }
