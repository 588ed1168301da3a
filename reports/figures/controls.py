"""Whether our mail arrives at all: mailboxes of our own, written to like the businesses and at the same time."""

from __future__ import annotations

import polars as pl

from reports.figures.model import DAY, Controls


def controls(frame: pl.DataFrame, *, now: int) -> Controls:
    """The control enquiries in `frame` (an outcome table), as of `now`.

    Counted are those that were sent, whose first day is over and was heard through in their mailbox: `arrived` within
    that day, `junk` of them in a junk folder. The others are `waiting`.
    """
    c = pl.col
    mine = frame.filter((c("role") == "control") & (c("state") == "sent"))
    end = c("sent_at") + DAY
    heard = (end <= now) & (end <= c("observed_until")).fill_null(value=False)
    heard &= ~(c("gap_from") < end).fill_null(value=False)
    over = mine.filter(heard)
    here = over.filter((c("delivered_at") <= end).fill_null(value=False))
    return Controls(
        sent=over.height,
        arrived=here.height,
        junk=here.filter(c("delivered_junk").fill_null(value=False)).height,
        waiting=mine.height - over.height,
    )
