"""What each command shows, for a person and as JSON. Decides nothing; returns an exit code where a command has one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.errors import UsageError
from monitor.facts import Allowed
from monitor.terminal import Terminal, lasting, local

if TYPE_CHECKING:  # what others decided is only shown here: nothing heavy is loaded for it
    from monitor.listen import ListenSummary
    from monitor.proving import Proved
    from monitor.rescore import Rescored
    from monitor.send import PlanView, SendSummary
    from monitor.standing import Hearing, Standing, StudyStanding
    from monitor.stopping import StoppedByHand
    from monitor.store.reviewing import Held
    from probes.contract import Cost

MANY = 200
"""Lines of a table that a person reads; more are counted."""
MAIL = {".eml", ".msg", ".mail", ".txt", ".mbox", ""}
BAR = 30
NOT_LIVE = "not live: nothing outside this machine is contacted"
MARKS = {"person": "●", "machine": "○", "nobody": "→", "waiting": "·", "ours": "/"}
LABELS = {"ours": "not counted"}
STYLES = {"person": "#0072B2", "machine": "#56B4E9", "nobody": "#D55E00", "waiting": "dim", "ours": "#8A8A8A"}


# --------------------------------------------------------------------------- plan and send
def horizon(until: str | None, now: datetime) -> datetime:
    """The moment that `--until` means: a day (its end, UTC) or a time from now. Raises UsageError."""
    if until is None:
        return now + timedelta(days=7)
    found = re.fullmatch(r"(\d{1,4})([hd])", until.strip())
    if found:
        return now + timedelta(**{"h": {"hours": int(found[1])}, "d": {"days": int(found[1])}}[found[2]])
    try:
        day = date.fromisoformat(until.strip())
    except ValueError:
        raise UsageError(
            f"--until {until}: write a day such as 2026-12-31, or a time from now such as 36h or 7d"
        ) from None
    return datetime.combine(day, time.max, UTC)


def plan(terminal: Terminal, view: PlanView, *, live: bool, anybody: bool) -> None:
    """What will be sent and what is refused, each with its reason. `anybody`: whether any address is on record."""
    for answer in view.decisions:
        due, allowed = answer.due, isinstance(answer, Allowed)
        terminal.record(
            {
                "probe": due.probe,
                "study": due.study,
                "due": due.due,
                "business": due.target.business,
                "channel": due.target.channel,
                "address": due.target.address,
                "scenario": due.scenario.id,
                "persona": due.persona.id,
                "reply_address": due.reply_address,
                "subject": due.subject,
                "allowed": allowed,
                "rule": None if isinstance(answer, Allowed) else answer.rule,
                "reason": None if isinstance(answer, Allowed) else answer.reason,
                "until": None if isinstance(answer, Allowed) else answer.until,
            }
            | _cost(view.costs.get(due.probe))
        )
    allowed_rows = [
        (local(due.due), due.study, due.target.name, due.target.address, due.scenario.id, due.persona.id)
        for due in view.allowed
    ]
    if allowed_rows:
        columns = ("when", "study", "business", "to", "scenario", "persona")
        terminal.table(f"will be sent: {len(allowed_rows)}", columns, allowed_rows[:MANY])
        _more(terminal, len(allowed_rows))
    _costs(terminal, view)
    refused = view.refused
    if refused:
        terminal.table(
            f"refused: {len(refused)}",
            ("business", "to", "rule", "reason", "possible from"),
            [
                (r.due.target.name, r.due.target.address, r.rule, r.reason, local(r.until) or "never")
                for r in refused[:MANY]
            ],
        )
        _more(terminal, len(refused))
    if not anybody:
        terminal.say("no address of any business is on record; read them in with `unanswered import`")
    elif not view.decisions:
        terminal.say(
            "nothing is due in this time; look further ahead with --until, or at the studies' start and schedule"
        )
    if not live:
        terminal.say(NOT_LIVE)


def _cost(cost: Cost | None) -> dict[str, Any]:
    if cost is None:
        return {}
    return {"cost": cost.words, "units": cost.units, "amount": cost.amount, "currency": cost.currency}


def _costs(terminal: Terminal, view: PlanView) -> None:
    """What it costs in all, as far as the channels say."""
    if not view.costs:
        return
    units = sum(cost.units for cost in view.costs.values())
    sums: dict[str, float] = {}
    for cost in view.costs.values():
        if cost.amount is not None:
            sums[cost.currency] = sums.get(cost.currency, 0.0) + cost.amount
    money = ", ".join(f"{amount:.2f} {currency}" for currency, amount in sorted(sums.items())) or "no price is set"
    kinds = Counter(cost.words for cost in view.costs.values())
    parts = ", ".join(f"{n} of {words}" for words, n in kinds.most_common(5))
    terminal.say(f"{len(view.costs)} of them cost money: {units} units ({parts}); {money}")


def _more(terminal: Terminal, n: int) -> None:
    if n > MANY:
        terminal.say(f"... and {n - MANY} more (all of them with --json)")


def sent(terminal: Terminal, summary: SendSummary) -> int:
    """What a sending pass did; 1 when something needs a person."""
    counted = {
        name: getattr(summary, name)
        for name in (
            "planned",
            "sent",
            "deferred",
            "not_sent",
            "blocked",
            "unknown",
            "suppressed",
            "given_up",
            "settled",
        )
    }
    waiting = [answer for answer in summary.refused if answer.until is not None]
    terminal.record(counted | {"waiting": len(waiting), "problems": summary.problems})
    words = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counted.items() if n) or "nothing was due"
    terminal.say(words)
    for rule, n in Counter(answer.rule for answer in waiting).most_common():
        terminal.say(f"{n} wait: {rule.replace('_', ' ')}")
    for problem in summary.problems:
        terminal.warn(problem)
    return 1 if summary.problems else 0


def stopped(terminal: Terminal, done: StoppedByHand) -> None:
    """Who is left alone from now on."""
    terminal.say(
        f"{done.what} is never contacted again"
        + ("" if done.new else " (it was on the list already)")
        + (f"; with it: {', '.join(done.businesses)}" if done.businesses else "; no business on record has it")
        + f". {_several(done.held_back, 'planned contact')} held back."
    )
    terminal.record(
        {"stopped": done.what, "new": done.new, "businesses": list(done.businesses), "held_back": done.held_back}
    )


# --------------------------------------------------------------------------- listen and understand
def heard(terminal: Terminal, summary: ListenSummary) -> int:
    """What a listening pass heard; 3 when a channel could not be heard."""
    terminal.record(
        {
            "new": summary.new,
            "repeats": summary.repeats,
            "understood": summary.understood,
            "kinds": summary.kinds,
            "unmatched": summary.unmatched,
            "erased": summary.erased,
            "deaf": summary.deaf,
        }
    )
    kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(summary.kinds.items(), key=lambda item: -item[1]))
    if summary.new or not summary.deaf:  # a deaf channel does not show that nothing came
        terminal.say(_several(summary.new, "new arrival") + (f": {kinds}" if kinds else ""))
    if summary.unmatched:
        terminal.say(f"{summary.unmatched} of them without a probe")
    if summary.erased:
        terminal.say(f"{summary.erased} of them from somebody forgotten: counted, and erased")
    for channel, why in summary.deaf.items():
        terminal.warn(f"{channel} could not be heard: {why}")
    return 3 if summary.deaf else 0


def proved(terminal: Terminal, done: Proved) -> int:
    """What proving our hearing did; 1 when a canary is lost or could not be sent, or a gap that one showed is open."""
    if not (done.sent or done.problems or done.deaf):
        return 0
    terminal.record(
        {
            "canaries_sent": done.sent,
            "canaries_lost": len(done.failed),
            "problems": done.problems,
            "deaf": [{"channel": d.channel, "for": d.proves, "since": d.since, "until": d.until} for d in done.deaf],
        }
    )
    if done.sent:
        terminal.say(f"{_several(done.sent, 'canary').replace('canarys', 'canaries')} sent to prove that we hear")
    for problem in done.problems:
        terminal.warn(problem)
    for doubt in done.deaf:
        until = f" until {local(doubt.until)}" if doubt.until else ""
        terminal.warn(f"perhaps deaf for {doubt.proves} from {local(doubt.since)}{until}: {doubt.why}")
    return 1 if done.problems or done.deaf else 0


def _several(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def mails(paths: Sequence[Path]) -> Iterator[Path]:
    """The files named, and those in the folders named, in order. Raises UsageError for one not there or without any."""
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in MAIL)
            if not found:
                raise UsageError(f"{path}: holds no mails (files ending in {', '.join(sorted(MAIL - {''}))})")
            yield from found
        elif path.exists():
            yield path
        else:
            raise UsageError(f"{path}: there is no such file or folder")


def verdict(terminal: Terminal, found: Mapping[str, Any]) -> None:
    """What one mail would be taken for."""
    terminal.record(found)
    terminal.say(f"{found['path']}: {found['kind']}")
    for reason in found["reasons"]:
        terminal.say(f"    {reason}")


def rescored(terminal: Terminal, changes: Iterable[Rescored], *, explain: bool) -> int:
    """What scoring again changed; returns how many arrivals."""
    kinds: Counter[tuple[str, str]] = Counter()
    for change in changes:
        stands = f"; {change.held.said.who} said {change.held.said.kind}: that stands" if change.held else ""
        before = change.before.verdict.kind if change.before else "not understood"
        after = change.after.verdict.kind
        kinds[before, after] += 1
        terminal.record(
            {
                "arrival": change.arrival,
                "before": before,
                "after": after,
                "why": change.why,
                "held": change.held.said.kind if change.held else None,
            }
        )
        if explain:
            terminal.say(f"arrival {change.arrival}: {change.why}{stands}")
    total = sum(kinds.values())
    if kinds:
        rows = [(before, after, n) for (before, after), n in kinds.most_common()]
        terminal.table(f"changed: {total}", ("was", "is", "arrivals"), rows, right=("arrivals",))
    else:
        terminal.say("nothing changed")
    return total


def held(terminal: Terminal, decisions: Sequence[Held], *, explain: bool) -> None:
    """Where people decided, and whether the rules say the same by now."""
    for one in decisions:
        said = one.said
        terminal.record(
            {
                "arrival": one.arrival, "decided": said.kind, "probe": said.probe, "who": said.who, "why": said.why,
                "rules": one.kind, "rules_probes": one.probes, "agreed": one.agreed,
            }
        )  # fmt: skip
        if not explain:
            continue
        whose = f" of {', '.join(one.probes)}" if one.probes else " of nobody"
        now = "the rules say so too now" if one.agreed else f"the rules say {one.kind}{whose}; the decision stands"
        terminal.say(f"arrival {one.arrival}: {said.who} said {said.kind} ({said.why}); {now}")
    if decisions:
        agreed = sum(one.agreed for one in decisions)
        terminal.say(f"decided by hand: {len(decisions)}; the rules now agree with {agreed} of them")


# --------------------------------------------------------------------------- status
def standing(terminal: Terminal, found: Standing, now: datetime) -> int:
    """How it stands; 1 while we are deaf or nobody listens. A gap that is over and was never closed waits in the
    inbox."""
    counted = found.counts
    troubles = found.troubles(now)
    for study in found.studies:
        terminal.record(
            {"study": study.study, "window": study.window, "to_send": study.waiting, "sent": study.sent} | study.parts
        )
    terminal.record(
        {
            "live": found.live,
            "heard_until": found.heard_until,
            "businesses": counted.businesses,
            "arrivals": counted.arrivals,
            "kinds": counted.kinds,
            "unmatched": counted.unmatched,
            "undetermined": found.undetermined,
            "next_due": counted.next_due,
            "gaps": [
                {name: getattr(gap, name) for name in ("channel", "since", "until", "found_by", "why")}
                for gap in counted.open_gaps
            ],
            "canaries": [
                {
                    "channel": one.channel,
                    "last_home": one.home.heard_at if one.home else None,
                    "lost": [{"address": lost.address, "sent_at": lost.sent_at, "why": lost.why} for lost in one.lost],
                }
                for one in found.hearing
                if one.canaries
            ],
            "not_heard": troubles,
        }
    )
    columns = ("study", "to send", "sent", *(f"{MARKS[part]} {LABELS.get(part, part)}" for part in STYLES))
    rows = [(s.study, s.waiting, s.sent, *s.parts.values()) for s in found.studies]
    terminal.table("studies", columns, rows, right=columns[1:])
    width = max((len(s.study) for s in found.studies), default=0)
    for study in found.studies:
        if marks := _bar(study):
            terminal.bar(study.study.ljust(width), marks, f"after {lasting(study.window)}")
    if not found.live:
        terminal.say(NOT_LIVE)
    if any(study.waiting for study in found.studies):
        terminal.say(f"due now {counted.due}" + (f", next {local(counted.next_due)}" if counted.next_due else ""))
    else:
        terminal.say("nothing is planned and unsent; `unanswered plan` shows what comes next")
    deaf_for = lasting(now - found.heard_until) if found.heard_until else ""
    terminal.say(f"heard until {local(found.heard_until)} ({deaf_for} ago)" if found.heard_until else "not heard yet")
    for one in found.hearing:
        if one.canaries:
            terminal.say(f"canaries on {one.channel}: {_home(one, now)}")
        if one.lost:
            terminal.say(
                f"canaries lost on {one.channel}: {len(one.lost)}, the last sent {local(one.lost[-1].sent_at)}"
            )
    for trouble in troubles:
        terminal.warn(trouble)
    over = [gap for gap in counted.open_gaps if gap.is_over]
    deaf = [gap for gap in counted.open_gaps if not gap.is_over]
    for gap in deaf:
        terminal.warn(f"deaf on {gap.channel} since {local(gap.since)}: {gap.why}")
    for gap in over:
        terminal.say(f"perhaps deaf for {gap.mailbox} from {local(gap.since)} until {local(gap.until)}: see the inbox")
    if found.undetermined:
        terminal.say(f"{_several(found.undetermined, 'probe')} undetermined: a person must look at what came in")
    return 1 if deaf or troubles else 0


def _home(hearing: Hearing, now: datetime) -> str:
    home = hearing.home
    if home is None or home.heard_at is None:
        return "none came home yet"
    return f"the last came home {local(home.heard_at)} ({lasting(now - home.heard_at)} ago)"


def _bar(study: StudyStanding) -> list[tuple[str, str]]:
    """The study as a row of marks, each part as long as its share: (marks, style)."""
    total = sum(study.parts.values())
    if not total:
        return []
    ends = [round(BAR * sum(list(study.parts.values())[: i + 1]) / total) for i in range(len(study.parts))]
    lengths = [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
    return [(MARKS[part] * length, STYLES[part]) for part, length in zip(study.parts, lengths, strict=True) if length]
