"""The rows that count, with integer keys, and what each counts as at every window: made once, used by all figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from reports.figures import rates, survival
from reports.figures.intervals import Ints

_USED = (
    "state", "accepted_by", "sent_at", "first_reply_at", "first_ack_at", "first_bot_at", "first_auto_at",
    "first_unclear_at", "first_human_at", "first_human_kind", "bounced_at", "disputed", "mailbox_full",
    "observed_until", "gap_from", "questions_asked", "questions_answered",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of role `recipient`. `business`, `cluster` and `channel` index sorted names; `cells`: by window, per row."""

    frame: pl.DataFrame
    businesses: list[str]
    channels: list[str]
    business: Ints
    cluster: Ints
    clusters: int
    channel: Ints
    now: int
    cells: Mapping[int, Ints]


def rows(frame: pl.DataFrame, *, windows: Iterable[int], now: int) -> Rows:
    """A cluster is a `group`, or a business that has none."""
    c = pl.col
    mine = frame.lazy().filter(c("role") == "recipient").select("business", "group", "channel", *_USED).collect()
    businesses, business = _index(mine["business"])
    channels, channel = _index(mine["channel"])
    owner = pl.when(c("group").is_null()).then("b:" + c("business")).otherwise("g:" + c("group"))
    clusters, cluster = _index(mine.select(owner).to_series())
    wanted = sorted(set(windows))
    found = mine.lazy().select(rates.cell_of(window=window, now=now).alias(str(window)) for window in wanted).collect()
    cells = {window: found[str(window)].to_numpy().astype(np.int64) for window in wanted}
    return Rows(mine, businesses, channels, business, cluster, len(clusters), channel, now, cells)


def _index(column: pl.Series) -> tuple[list[str], Ints]:
    """Distinct values, sorted, and where each row's is among them."""
    names = column.unique().sort()
    places = pl.DataFrame({"name": names, "at": np.arange(len(names))})
    found = pl.DataFrame({"name": column}).join(places, on="name", how="left", maintain_order="left")
    return names.to_list(), found["at"].to_numpy().astype(np.int64)


def contactable(of: Rows, unit: Ints, units: int) -> tuple[Ints, Ints]:
    """(units, channels): businesses that offer the channel, and businesses asked there; each counts in one unit."""
    channels, size = max(len(of.channels), 1), max(units, 1)
    pair = of.business * channels + of.channel
    offers = np.bincount(pair, weights=(of.frame["state"] != "not_contactable").to_numpy()) > 0
    every = np.unique(pair * size + unit)
    pairs, first = np.unique(every // size, return_index=True)
    place = (every[first] % size) * channels + pairs % channels
    asked = np.bincount(place, minlength=size * channels)
    yes = np.bincount(place, weights=offers[pairs], minlength=size * channels).astype(np.int64)
    return yes.reshape(size, channels), asked.reshape(size, channels)


def medians(of: Rows, unit: Ints, units: int, window: int) -> list[int | None]:
    """Per unit: the median wait of those answered within a closed window, in microseconds; None when nobody was."""
    answered = np.isin(of.cells[window], sorted(rates.cells("answered")))
    wait = pl.max_horizontal(pl.col("first_human_at") - pl.col("sent_at"), 0)
    found = (
        of.frame.lazy()
        .select(wait=wait, unit=pl.lit(pl.Series(unit)))
        .filter(pl.lit(pl.Series(answered)))
        .group_by("unit")
        .agg(pl.col("wait").median())
        .collect()
    )
    made: list[int | None] = [None] * units
    for at, middle in found.iter_rows():
        made[at] = round(middle)
    return made


def waits(of: Rows) -> pl.DataFrame:
    """survival.waits() of the rows, with their keys `_business` and `_cluster`."""
    keys = pl.DataFrame({"_business": of.business, "_cluster": of.cluster})
    return survival.waits(of.frame.hstack(keys), now=of.now)
