"""The demo: all as planted when nothing is wrong, and exit 1 with the business named when anything is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.config import load
from monitor.demo import NOTE, run
from monitor.demo_result import DemoResult, Found, Headline, Line, show, to_the_second
from monitor.errors import UsageError
from monitor.store.engine import Store
from monitor.store.looking import counts, probe_record
from monitor.terminal import Terminal
from probes.sandbox import folder
from probes.sandbox.behaviours import Business, PlannedMail, Refusal, businesses, headline
from probes.sandbox.callers import callers
from probes.sandbox.forms import form_businesses, why_no_browser
from reports.data import verify

EVERY = {business.key: business for business in businesses()}
FORMS = {one.key: one for one in form_businesses()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> DemoResult:
    """The demo as `make demo` runs it."""
    return run(tmp_path_factory.mktemp("demo") / "out")


@pytest.fixture(scope="module")
def browser() -> None:
    """Skips the test, or fails where servers are required, when no browser can be started."""
    if reason := why_no_browser(""):
        if os.environ.get("UNANSWERED_REQUIRE_SERVERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


def forms_of(whole: DemoResult) -> int:
    """How many businesses with a form took part: all, or none where the demo says that there is no browser."""
    return 0 if whole.notes else len(FORMS)


def some(*keys: str) -> list[Business]:
    return [EVERY[key] for key in keys]


def saying(key: str, *mails: PlannedMail) -> Business:
    """A sabotaged business: other mails beside an untouched truth."""
    return replace(EVERY[key], mails=mails)


# ---------------------------------------------------------------------------------------------- nothing is wrong
def test_every_business_is_measured_as_planted(whole: DemoResult) -> None:
    assert [(line.key, line.differences) for line in whole.differing] == []
    assert len(whole.lines) == len(EVERY) + len(callers()) + forms_of(whole) >= 34
    assert whole.problems == ()
    assert whole.exit_code == 0


def test_the_published_headline_is_the_planted_one(whole: DemoResult) -> None:
    assert [one.published for one in whole.headlines] == [(22, 38), (15, 38), (13, 38)]
    assert all(one.same for one in whole.headlines)


def test_the_page_says_that_it_is_a_sandbox(whole: DemoResult) -> None:
    assert whole.page.name == "index.html"
    assert NOTE in whole.page.read_text(encoding="utf-8")
    pages = (whole.page.parent / "study").rglob("*.html") if (whole.page.parent / "study").is_dir() else ()
    assert any("Fixie &lt;b&gt;Factory" in page.read_text(encoding="utf-8") for page in (whole.page, *pages))


def test_the_site_can_be_verified_afterwards(whole: DemoResult) -> None:
    assert verify(whole.page.parent) == []


def test_the_folder_is_one_that_a_user_could_have_made(whole: DemoResult) -> None:
    config = load(whole.page.parent.parent / "config.toml", env={})
    assert not config.live
    assert config.businesses.is_file()
    with Store.open(config.store) as store:
        assert counts(store, whole.until).businesses == len(whole.lines)


def test_every_business_was_asked_at_most_once_and_never_in_its_quiet_hours(whole: DemoResult) -> None:
    with Store.open(whole.page.parent.parent / "unanswered.db") as store:
        probes = list(_probes(store))
        assert len(probes) == sum(1 for one in EVERY.values() if one.address) + len(callers()) + forms_of(whole)
        for probe in probes:
            record = probe_record(store, probe)
            assert record is not None
            zone = ZoneInfo(record.business["timezone"])
            assert sum(receipt["state"] == "sent" for receipt in record.receipts) <= 1
            for receipt in record.receipts:
                at: datetime = receipt["at"].astimezone(zone)
                assert 8 <= at.hour < 20, record.business["key"]
                assert at.weekday() < 5, record.business["key"]


def test_a_business_that_greylists_is_tried_again_with_the_same_message_id(whole: DemoResult) -> None:
    with Store.open(whole.page.parent.parent / "unanswered.db") as store:
        tries = {}
        for probe in _probes(store):
            record = probe_record(store, probe)
            assert record is not None
            tries[record.business["key"]] = [receipt["state"] for receipt in record.receipts]
    assert tries["dewit"] == ["deferred", "sent"]
    assert tries["kettle"][-1] == "sent"
    assert len(tries["kettle"]) > 2
    assert set(tries["clogged"]) == {"deferred"}
    assert tries["handlebar"] == ["not_sent"]


def test_the_simulated_time_covers_every_window(whole: DemoResult) -> None:
    assert whole.until - whole.since >= timedelta(days=30)
    readers = [reader for one in FORMS.values() for reader in one.everybody] if forms_of(whole) else []
    assert whole.mails == sum(len(one.mails) for one in (*EVERY.values(), *readers))


# ---------------------------------------------------------------------------------------------- forms
@pytest.mark.usefixtures("browser")
def test_a_form_that_drops_its_mail_where_a_person_should_answer_is_named(tmp_path: Path) -> None:
    sabotaged = replace(FORMS["gatehouse"], form="drops")
    result = run(tmp_path / "out", planted=some("towpath"), formed=[sabotaged, FORMS["puzzle"]])
    assert [line.key for line in result.differing] == ["gatehouse"]
    assert "after 7 d: planted answered, measured unanswered" in result.differing[0].differences
    assert result.notes == ()


@pytest.mark.usefixtures("browser")
def test_a_marketplace_passes_one_form_on_to_three_and_only_vendors_that_quote_it_count(tmp_path: Path) -> None:
    result = run(tmp_path / "out", planted=some("towpath"), formed=[FORMS["bikequotes"]])
    assert result.differing == ()
    assert result.mails == 3
    with Store.open(tmp_path / "out" / "unanswered.db") as store, store.read() as connection:
        standings = connection.exec_driver_sql("SELECT standing FROM matches ORDER BY id").scalars().all()
    assert list(standings) == ["own_domain", "quotes_the_enquiry", "quotes_the_enquiry"]


def test_without_a_browser_the_demo_says_so_in_one_line_and_measures_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = str(tmp_path / "no-browser-here")
    result = run(tmp_path / "out", planted=some("northside", "towpath"), formed=form_businesses(), browser=nowhere)
    assert {line.key for line in result.lines} == {"northside", "towpath"}
    assert result.exit_code == 0
    assert len(result.notes) == 1
    show(result, Terminal())
    told = [text for text in capsys.readouterr().err.splitlines() if "browser" in text]
    assert len(told) == 1
    assert nowhere in told[0]
    assert "apt-get install chromium" in told[0]
    assert "forms" not in load(tmp_path / "out" / "config.toml", env={}).channels


# ---------------------------------------------------------------------------------------------- something is wrong
@pytest.mark.parametrize(
    ("key", "sabotaged", "told"),
    [
        pytest.param(
            "ardley",
            saying("ardley"),
            "after 7 d: planted answered, measured unanswered",
            id="an answer is withheld",
        ),
        pytest.param(
            "ardley",
            saying("ardley", PlannedMail(template="person-gmail", after=timedelta(hours=1, minutes=52, seconds=8))),
            "first answer: planted 01:52:07, measured 01:52:08",
            id="an answer comes a second late",
        ),
        pytest.param(
            "gearshift",
            saying("gearshift", *EVERY["ardley"].mails),
            "after 24 h: planted machine_only, measured answered",
            id="a person answers where a machine should",
        ),
        pytest.param(
            "bargain",
            saying("bargain", replace(EVERY["bargain"].mails[0], junk=False)),
            "on record: planted junk, measured none",
            id="an answer is not filed under junk",
        ),
        pytest.param(
            "towpath",
            replace(EVERY["towpath"], refusal=Refusal(reply="550 5.1.1 gone")),
            "after 30 d: planted unanswered, measured not_sent",
            id="an enquiry is refused",
        ),
    ],
)  # fmt: skip
def test_a_sabotaged_business_is_named_and_the_exit_code_is_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, sabotaged: Business, told: str
) -> None:
    planted = [EVERY["northside"], EVERY["handlebar"], sabotaged]
    result = run(tmp_path / "out", planted=planted)
    assert [line.key for line in result.differing] == [key]
    assert told.replace("24 h", "1 d") in result.differing[0].differences
    assert result.exit_code == 1
    show(result, Terminal())
    said = capsys.readouterr()
    assert f"{key} differs: " in said.err
    assert told.replace("24 h", "1 d") in said.err
    assert "2 of 3 businesses were measured as planted" in said.out


def test_a_business_that_is_not_measured_at_all_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The import loses a row: nothing that is read back afterwards would show it."""
    write = folder.write

    def lossy(place: folder.Place, *rest: object) -> None:
        write(place, *rest)  # type: ignore[arg-type]
        lines = place.businesses.read_text(encoding="utf-8").splitlines(keepends=True)
        place.businesses.write_text(
            "".join(line for line in lines if not line.startswith("towpath,")), encoding="utf-8"
        )

    monkeypatch.setattr(folder, "write", lossy)
    result = run(tmp_path / "out", planted=some("northside", "towpath"))
    assert [(line.key, line.differences) for line in result.differing] == [("towpath", ("nothing was measured",))]
    assert result.exit_code == 1


# ---------------------------------------------------------------------------------------------- the folder
def test_a_second_run_starts_fresh_and_keeps_what_is_not_its_own(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = run(out, planted=some("northside", "towpath"))
    (out / "notes.txt").write_text("mine")
    second = run(out, planted=some("towpath", "handlebar"))
    assert {line.key for line in second.lines} == {"towpath", "handlebar"}
    assert second.exit_code == 0
    assert second.page == first.page
    assert (out / "notes.txt").read_text() == "mine"
    assert not list((out / "site" / "business").glob("*northside*"))


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("mine")
    with pytest.raises(UsageError, match="holds something that no demo wrote"):
        run(tmp_path, planted=some("towpath"))
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]
    assert (tmp_path / "config.toml").read_text() == "mine"


def test_a_file_in_the_place_of_the_folder_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="is a file"):
        run(tmp_path / "out")


def test_the_password_of_the_mailbox_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    result = run(tmp_path / "out", planted=some("towpath"))
    secret = tmp_path / "out" / folder.PASSWORD
    assert secret.stat().st_mode & 0o077 == 0
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file() and path != secret:
            assert secret.read_bytes().strip() not in path.read_bytes(), path
    assert result.exit_code == 0


@pytest.mark.parametrize("missing", ["aiosmtpd", "pymap"])
def test_without_its_extra_the_demo_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr("monitor.demo.find_spec", lambda name: None if name == missing else object())
    with pytest.raises(UsageError, match=f"needs {missing}.*extra `demo`"):
        run(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_demo_can_be_loaded_without_its_extra() -> None:
    """Else the message above would never be seen."""
    code = "import sys; sys.modules['aiosmtpd'] = sys.modules['pymap'] = None; import monitor.demo"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_is_left_running(tmp_path: Path) -> None:
    before = threading.active_count()
    run(tmp_path / "out", planted=some("towpath"))
    assert threading.active_count() == before


# ---------------------------------------------------------------------------------------------- showing it
FOUND = Found(
    dispositions=("unanswered", "answered", "answered"),
    first_reply="human",
    first_answer=timedelta(days=3, hours=4, seconds=9),
    marks=("junk",),
    taken=1,
)
WINDOWS = (timedelta(hours=24), timedelta(days=7), timedelta(days=30))


def line(measured: Found | None = FOUND) -> Line:
    return Line(key="shop", name="Shop", behaviour="slow", windows=WINDOWS, planted=FOUND, measured=measured)


def result(*lines: Line, problems: tuple[str, ...] = (), published: tuple[int, int] = (1, 2)) -> DemoResult:
    at = datetime(2026, 9, 7, tzinfo=ZoneInfo("UTC"))
    return DemoResult(
        page=Path("demo/site/index.html"), lines=lines, problems=problems, since=at, until=at + timedelta(days=30),
        mails=1, headlines=(Headline(window=WINDOWS[1], planted=(1, 2), published=published),),
    )  # fmt: skip


def test_equal_is_no_difference() -> None:
    assert line().differences == ()
    assert result(line()).exit_code == 0


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"dispositions": ("unanswered", "unanswered", "answered")},
            "after 7 d: planted answered, measured unanswered",
        ),
        ({"first_reply": None}, "first reply: planted human, measured none"),
        ({"first_answer": timedelta(days=3, hours=4, seconds=9, microseconds=1)}, "measured 3 d 04:00:09.000001"),
        ({"marks": ()}, "on record: planted junk, measured none"),
        ({"taken": 2}, "enquiries taken: planted 1, measured 2"),
    ],
)
def test_each_kind_of_difference_is_told(changed: dict[str, object], told: str) -> None:
    different = line(replace(FOUND, **changed))  # type: ignore[arg-type]
    assert len(different.differences) == 1
    assert told in different.differences[0]
    assert result(line(), different).exit_code == 1


def test_nothing_measured_is_a_difference() -> None:
    assert result(line(None)).exit_code == 1


def test_a_problem_or_another_headline_is_enough_for_exit_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert result(line(), problems=("verify: differs",)).exit_code == 1
    other = result(line(), published=(2, 2))
    assert other.exit_code == 1
    show(other, Terminal())
    assert "planted 1 of 2, published 2 of 2" in capsys.readouterr().err


def test_planted_and_measured_stand_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    show(result(line(), line(replace(FOUND, marks=()))), Terminal())
    said = capsys.readouterr().out
    summary = "unanswered > answered > answered; human; 3 d 04:00:09"
    rows = [row.split("  ") for row in said.splitlines() if summary in row]
    assert [[cell.strip() for cell in row if cell.strip()][2:] for row in rows] == [
        [f"{summary}; junk", f"{summary}; junk", "yes"],
        [f"{summary}; junk", summary, "no"],
    ]
    assert "demo/site/index.html" in said


def test_json_is_one_object_a_line_and_the_sum_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    show(result(line()), Terminal(as_json=True))
    first, last = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert first["business"] == "shop"
    assert first["planted"] == first["measured"]
    assert first["planted"]["first_answer_seconds"] == 273609.0
    assert first["differences"] == []
    assert last["as_planted"] == last["businesses"] == 1
    assert last["page"] == "demo/site/index.html"
    assert last["headlines"] == [{"window_seconds": 604800.0, "planted": [1, 2], "published": [1, 2]}]


@pytest.mark.parametrize(
    ("span", "text"),
    [(None, ""), (timedelta(seconds=7), "00:00:07"), (timedelta(days=12, hours=3, minutes=44), "12 d 03:44:00")],
)
def test_times_are_told_to_the_second(span: timedelta | None, text: str) -> None:
    assert to_the_second(span) == text


def test_the_planted_headline_leaves_out_what_the_rate_leaves_out() -> None:
    assert headline(some("northside", "towpath", "gearshift", "handlebar", "oldtown", "left-alone"), 1) == (2, 3)


def _probes(store: Store) -> list[str]:
    with store.read() as connection:
        return [row[0] for row in connection.exec_driver_sql("SELECT id FROM probes ORDER BY id")]
