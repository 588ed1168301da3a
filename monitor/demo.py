"""The whole job on the embedded sandbox, and planted truth beside what was measured.

Nothing is short-cut: the businesses are imported from a CSV, asked by real SMTP, heard by real IMAP, and what is
compared is read back from the published site. Only time is not real: the clock jumps from one event to the next as
soon as sender and listener have nothing left to do, so a month takes seconds and every result is exact.

It proves the plumbing. It proves nothing about telling people from machines in general: we wrote the mails ourselves.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from monitor import ticker
from monitor.app import App
from monitor.clock import MICROSECOND, micros
from monitor.demo_result import DemoResult, Found, Headline, Line
from monitor.errors import UsageError, WireError
from monitor.importing import bring_in
from monitor.listen import listen_pass
from monitor.report import Progress, publish, unwatched
from monitor.send import send_pass
from monitor.store.looking import counts, events
from monitor.store.records import stop, suppressed
from monitor.studies import DoorSettings
from probes.contract import Clock, ProbeError, Receives
from probes.sandbox import folder, stepped
from probes.sandbox.behaviours import WINDOWS, Business, businesses, headline
from probes.sandbox.callers import Caller, callers
from probes.sandbox.forms import FormBusiness, FormWorld, form_businesses, why_no_browser
from reports.data import verify
from reports.outcomes import check as check_outcomes
from reports.outcomes import disposition

if TYPE_CHECKING:
    from probes.sandbox.exchange import Exchange
    from probes.sandbox.mailserver import MailServer
    from probes.sandbox.world import World

DOMAIN = "inbox.sandbox.test"
PUBLIC = "https://audit.sandbox.test"
OUR_NUMBERS = ("+12025550100", "+12025550101")
"""As demo-numbers.toml has them."""
NOTE = (
    "This is a sandbox. The businesses do not exist, their mails were written for it, and time was simulated. "
    "It shows that the plumbing works: what was planted is what was measured. It says nothing about how well people "
    "are told from machines in general."
)
BY_MAIL = "brakes"
"""The study whose headline is compared: the one by mail."""
AFTER_THE_LAST_WINDOW = timedelta(hours=1)
"""When the demo looks at the mailbox for the last time."""


def run(
    out: Path,
    *,
    progress: Progress = unwatched,
    planted: Sequence[Business] | None = None,
    numbered: Sequence[Caller] | None = None,
    formed: Sequence[FormBusiness] | None = None,
    browser: str = "",
) -> DemoResult:
    """Run the demo in the folder `out`; `planted`, `numbered` and `formed` are the businesses (None: those of the
    sandbox, by number and by form only where `planted` is None too).

    `browser` is the path of the one that fills in forms ("": whatever is found). Where there is none, businesses with
    a form are left out, and a note of the result says so.

    Raises UsageError when `out` holds something that no demo wrote, or the extra `demo` is not installed; WireError
    when the sandbox cannot be started or a mail of a business cannot be delivered.
    """
    everybody = businesses() if planted is None else tuple(planted)
    if numbered is None:
        numbered = callers() if planted is None else ()
    if formed is None:
        formed = form_businesses() if planted is None else ()
    _look_for_the_extra()
    try:
        return _run(out, everybody, numbered, formed, browser, progress)
    except folder.ForeignFolder as error:
        raise UsageError(str(error)) from error
    except ProbeError as error:
        raise WireError(f"the sandbox broke: {error}") from error


def _look_for_the_extra() -> None:
    for needed in ("aiosmtpd", "pymap", "twilio", "httpx2"):
        if find_spec(needed) is None:
            raise UsageError(
                f"the demo needs {needed}, which is not installed; install this package with its extra `demo`"
            )


def _run(
    out: Path,
    everybody: Sequence[Business],
    numbered: Sequence[Caller],
    formed: Sequence[FormBusiness],
    browser: str,
    progress: Progress,
) -> DemoResult:
    # imported here, because they need the extra
    from monitor.webhook import Door
    from probes.sandbox.mailserver import MailServer
    from probes.sandbox.world import World, check, junk_senders
    from probes.serving import Serving

    known = [*everybody, *(reader for one in formed for reader in one.everybody)]
    check(known)
    place = folder.clear(out)
    notes: tuple[str, ...] = ()
    if formed and (reason := why_no_browser(browser)):
        notes = (f"Businesses with a form are left out, for there is no browser: {reason}.",)
        formed, known = (), list(everybody)
    clock = stepped.SteppedClock(datetime(2000, 1, 1, tzinfo=UTC))
    with ExitStack() as stack:
        server = stack.enter_context(MailServer(DOMAIN, clock, junk_senders=junk_senders(known)))
        world = stack.enter_context(World(known, clock))
        exchange = stack.enter_context(_exchange(numbered, clock)) if numbered else None
        sites = stack.enter_context(FormWorld(formed, clock).open(world.port)) if formed else None
        folder.write(place, everybody, server, world, numbered, exchange, sites, browser)
        app = stack.enter_context(App.open(place.config, clock))
        if exchange is not None:
            door = stack.enter_context(Serving(Door(app.store, app.channels, DoorSettings(), clock).app))
            exchange.door = f"http://127.0.0.1:{door.port}"
        driver = _Driver(app, clock, server, world, exchange, sites, progress)
        driver.live()
        index = publish(app, place.site, note=NOTE).index
        problems = (*driver.problems, *verify(place.site))
        lines = _compare(app, place.site, [*everybody, *numbered, *formed], world, exchange, sites)
    return DemoResult(
        page=index,
        lines=lines,
        headlines=_headlines(place.site, everybody),
        problems=problems,
        since=driver.since,
        until=clock(),
        mails=driver.mails,
        notes=notes,
    )


def _exchange(numbered: Sequence[Caller], clock: Clock) -> Exchange:
    """The provider's look-alike, with everybody who has a number."""
    from probes.sandbox.exchange import Exchange, Manner, Says

    manners = {
        one.number: Manner(
            fate=one.fate,
            picks_up=one.picks_up,
            says=tuple(Says(after=said.after, text=said.text) for said in one.says),
        )
        for one in numbered
    }
    account, token = f"AC{secrets.token_hex(16)}", secrets.token_hex(16)
    made = Exchange(account, token, clock, manners, public=PUBLIC)
    for number in OUR_NUMBERS:
        made.serves(number, messages="texts", calls="calls")
    return made


# --------------------------------------------------------------------------- the driver of the clock
class _Driver:
    """Lets the study happen: at each event everybody does what is due, then the clock jumps to the next event."""

    def __init__(
        self,
        app: App,
        clock: stepped.SteppedClock,
        server: MailServer,
        world: World,
        exchange: Exchange | None,
        sites: FormWorld | None,
        progress: Progress,
    ) -> None:
        self.app, self.clock, self.server, self.world, self.progress = app, clock, server, world, progress
        self.exchange, self.sites = exchange, sites
        self.by_door = {name: one for name, one in app.channels.items() if isinstance(one.wire, Receives)}
        self.by_mailbox = {name: one for name, one in app.channels.items() if name not in self.by_door}
        self.problems: list[str] = []
        self.mails = 0
        self.studies = tuple(app.config.studies.values())
        self.since = min(study.starts_at for study in self.studies)
        self._never_heard = True
        self._refused_until: list[datetime] = []

    def live(self) -> None:
        """From the import, an hour before the study begins, until every window is over and heard through."""
        self.clock.jump(self.since - timedelta(hours=1))
        self._import()
        while True:
            self._settle()
            coming = self._next_event()
            if coming is None:
                break
            self.clock.jump(coming)
        asked = [enquiry.at for taken in self.world.taken.values() for enquiry in taken]
        asked += self.exchange.taken_at if self.exchange else []
        asked += [at for found in self.sites.taken_at.values() for at in found] if self.sites else []
        window = max(study.windows[-1] for study in self.studies)
        self.clock.jump(max(asked, default=self.since) + window + AFTER_THE_LAST_WINDOW)
        self._hear(0)

    def _import(self) -> None:
        done = bring_in(self.app, self.app.config.businesses)
        self.problems += [f"{done.file}, line {row.line}: {'; '.join(row.reasons)}" for row in done.rejects]
        for business in self.world.businesses.values():
            if business.stopped:
                spellings = self.app.spellings(business.address)
                stop(self.app.store, spellings, "asked before the study", self.clock())

    def _settle(self) -> None:
        """Deliver, hear and send until nobody has anything left to do at this moment."""
        while True:
            delivered = self.world.deliver(self.server.smtp_port)
            self.mails += len(delivered)
            pushed = self.exchange.deliver() if self.exchange else 0
            if delivered or pushed or self._never_heard:
                self._hear(len(delivered))
            sent = send_pass(self.app.store, self.app.config, self.app.channels, self.clock)
            self.problems += sent.problems
            self._refused_until = [refused.until for refused in sent.refused if refused.until is not None]
            self._tell()
            if not (delivered or pushed or sent.tried or sent.planned):
                return

    def _hear(self, waiting: int) -> None:
        """Listen until the `waiting` mails that lie in the mailbox are taken in, or the listener finds no more."""
        listed = listen_pass(self.app.store, self.by_door, self.clock)
        self.problems += [f"{name} could not be heard: {why}" for name, why in listed.deaf.items()]
        while True:
            heard = listen_pass(self.app.store, self.by_mailbox, self.clock)
            self._never_heard = False
            self.problems += [f"{name} could not be heard: {why}" for name, why in heard.deaf.items()]
            waiting -= heard.new + heard.repeats
            if waiting <= 0:
                return
            if not heard.new:
                self.problems.append(
                    f"{waiting} mails were delivered by {self.clock():%Y-%m-%d %H:%M:%S} and not heard"
                )
                return

    def _tell(self) -> None:
        everybody = [
            business for business in self.world.businesses.values() if business.address and not business.stopped
        ]
        asked = sum(tries > 0 for tries in self.world.tries.values())
        self.progress(asked + self.mails, len(everybody) + sum(len(one.mails) for one in everybody))

    def _next_event(self) -> datetime | None:
        """The next moment at which anybody has something to do: a slot, a try, a planted mail, an end of waiting."""
        now = self.clock()
        slots = [
            ticker.slots(study.schedule, study.timezone, self.since, self.since + timedelta(days=7))[0]
            for study in self.studies
        ]
        told = self.exchange.next_at() if self.exchange else None
        moments = [*slots, told, counts(self.app.store, now).next_due, self.world.next_at(), *self._refused_until]
        return min((moment for moment in moments if moment is not None and moment > now), default=None)


# --------------------------------------------------------------------------- planted beside measured
def _compare(
    app: App,
    site: Path,
    everybody: Iterable[Business | Caller | FormBusiness],
    world: World,
    exchange: Exchange | None,
    sites: FormWorld | None,
) -> tuple[Line, ...]:
    everybody = tuple(everybody)
    taken = {key: len(found) for key, found in world.taken.items()}
    for one in everybody:
        if isinstance(one, Caller):
            taken[one.key] = exchange.times_asked(one.number) if exchange else 0
    taken |= {key: len(found) for key, found in sites.taken_at.items()} if sites else {}
    measured = _measured(app, site, taken)
    return tuple(
        Line(
            key=one.key,
            name=one.name,
            behaviour=one.planted,
            windows=WINDOWS,
            planted=_planted(one),
            measured=measured.get(one.key),
        )
        for one in everybody
    )  # fmt: skip


def _headlines(site: Path, everybody: Sequence[Business]) -> tuple[Headline, ...]:
    """The headline of each window as planted, and as the site publishes it."""
    studies = json.loads((site / "data" / "figures.json").read_text(encoding="utf-8"))["studies"]
    study = next(one for one in studies if one["id"] == BY_MAIL)
    published = {one["window"]: one["no_human"] for one in study["figures"]["windows"]}
    return tuple(
        Headline(window=window, planted=headline(everybody, place), published=(rate["count"], rate["n"]))
        for place, window in enumerate(WINDOWS)
        for rate in [published[window // MICROSECOND]]
    )


def _planted(business: Business | Caller | FormBusiness) -> Found:
    truth = business.truth
    return Found(
        dispositions=truth.dispositions,
        first_reply=truth.first_reply,
        first_answer=truth.first_answer,
        marks=tuple(sorted(truth.marks)),
        taken=business.takes,
    )


def _measured(app: App, site: Path, taken: Mapping[str, int]) -> dict[str, Found]:
    """By business: what the published data say, and of what they do not tell apart, what the store says."""
    frame = check_outcomes(pl.read_parquet(site / "data" / "outcomes.parquet"))
    now = micros(app.clock())
    per_window = [
        dict(disposition(frame, window=window // MICROSECOND, now=now).select("probe", "disposition").iter_rows())
        for window in WINDOWS
    ]
    kinds = {probe: {micros(one.at): one.kind for one in reversed(heard)} for probe, heard in events(app.store)}
    stopped = suppressed(app.store)
    return {
        row["business"]: Found(
            dispositions=tuple(found[row["probe"]] for found in per_window),
            first_reply=kinds.get(row["probe"], {}).get(row["first_reply_at"]),
            first_answer=_between(row["sent_at"], row["first_human_at"]),
            marks=_marks(row, stopped=row["business"] in stopped.businesses),
            taken=taken[row["business"]],
        )
        for row in frame.iter_rows(named=True)
    }


def _between(since: int | None, until: int | None) -> timedelta | None:
    return None if since is None or until is None else timedelta(microseconds=until - since)


def _marks(row: Mapping[str, Any], *, stopped: bool) -> tuple[str, ...]:
    due, human = row["promise_due_at"], row["first_human_at"]
    facts = {
        "junk": row["junk"],
        "noreply": row["noreply"],
        "mailbox_full": row["mailbox_full"],
        "promise_kept": due is not None and human is not None and human <= due,
        "promise_broken": due is not None and (human is None or human > due),
        "stopped": stopped,
    }
    return tuple(sorted(mark for mark, holds in facts.items() if holds))
