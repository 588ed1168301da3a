"""Matches and classifies all stored arrivals again with today's rules. Raw mail and reviews stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from monitor.clock import Clock
from monitor.listen import AT_A_TIME, Rules, todays_rules, understand_batch
from monitor.store.engine import Store
from monitor.store.reviewing import Held, in_force
from monitor.store.understanding import Change, Understood, stored_arrivals


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescored:
    """An arrival of which something is different now. `before` is None when nothing was known of it; `why` in words;
    `held`: what a person said of it, which stands whatever the rules say now."""

    arrival: int
    before: Understood | None
    after: Understood
    why: str
    held: Held | None = None


def rescore(
    store: Store, now: Clock, *, rules: Rules | None = None, progress: Callable[[int], None] | None = None
) -> Iterator[Rescored]:
    """Understand every stored arrival again; yields what changed, already stored, a few hundred arrivals at a time.

    A verdict row is appended and matches are rewritten only where they differ. `progress` is called with how many
    arrivals were looked at since its last call. Running it twice changes nothing the second time.
    """
    chosen = rules or todays_rules()
    for batch in stored_arrivals(store, AT_A_TIME):
        changes = understand_batch(store, batch, chosen, now())
        held = in_force(store, [change.arrival for change in changes]) if changes else {}
        for change in changes:
            yield Rescored(
                arrival=change.arrival,
                before=change.before,
                after=change.after,
                why=explain(change),
                held=held.get(change.arrival),
            )
        if progress:
            progress(len(batch))


def explain(change: Change) -> str:
    """What is different, and the rules' strongest reason for it, in words."""
    before, after = change.before, change.after
    reasons = after.verdict.reasons
    if before is None:
        return f"understood for the first time: {after.verdict.kind}" + (f" ({reasons[0]})" if reasons else "")
    parts: list[str] = []
    if before.verdict.kind != after.verdict.kind:
        parts.append(f"{before.verdict.kind} is now {after.verdict.kind}")
    elif before.verdict != after.verdict:
        parts.append(f"still {after.verdict.kind}, with other details")
    gone = {match.probe for match in before.matches} - {match.probe for match in after.matches}
    come = {match.probe for match in after.matches} - {match.probe for match in before.matches}
    parts += [f"no longer belongs to {probe}" for probe in sorted(gone)]
    parts += [f"now belongs to {probe}" for probe in sorted(come)]
    if not gone and not come and set(before.matches) != set(after.matches):
        parts.append("belongs to the same probe by another key or standing")
    return "; ".join(parts) + (f" ({reasons[0]})" if reasons else "")
