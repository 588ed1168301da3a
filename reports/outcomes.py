"""The outcome table: one row per probe, times and facts only. Figures read nothing else.

Times are int64 microseconds since 1970-01-01 UTC, or null. Text columns are plain text, never an enum.
"""

from __future__ import annotations

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
    "accepted_by": pl.String,  # recipient_mx | relay | null
    "sent_at": pl.Int64,  # the clock starts: receipt (for `unknown`: when the try began)
    "first_reply_at": pl.Int64,  # any reply of a person or a machine, surely matched
    "first_ack_at": pl.Int64,  # auto_acknowledgement
    "first_bot_at": pl.Int64,
    "first_auto_at": pl.Int64,  # out_of_office, auto_reply, challenge
    "first_unclear_at": pl.Int64,  # unclear, weakly matched, or from a stranger
    "first_human_at": pl.Int64,
    "first_human_kind": pl.String,  # human | opt_out
    "bounced_at": pl.Int64,  # first bounce
    "disputed": pl.Boolean,  # the bounce does not stand alone (DESIGN section 2, not_delivered)
    "mailbox_full": pl.Boolean,  # a bounce said so
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
