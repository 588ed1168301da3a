"""One enquiry through one form, in a browser that is already running: look, refuse or fill, press once, look again.

The result is plain data: `verdict` (confirmed, rejected, unconfirmed, blocked, cannot_map, unreachable, gone, failed),
`reason`, `url`, `details`, `signs`, `pattern`, `log` and `exhibits` (name, media type, base64).
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from probes.web import contact, take
from probes.web.answers import Needs
from probes.web.filling import CannotFill, Filling, Step, Values, leads_on, plan, usable
from probes.web.gate import Gate
from probes.web.judge import judge
from probes.web.refusal import inspect
from probes.web.snapshot import Form, Page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Dialog, ElementHandle
    from playwright.sync_api import Page as Tab

    from probes.web.proxy import ForwardProxy
    from probes.web.robots import Robots

PARTS = 4
"""Parts of a form that is shown one after the other."""
LINKS = 2
"""Links that are followed from a page without a form in search of one."""
DIALOGS = 20
"""Dialogs after which a page is left."""
_QUIET = 0.4
_LET_GO = 0.02
_TEXT = 4000

_LEAST = re.compile(
    r"reject|decline|refuse|deny|(?:only|strictly) (?:necessary|essential|required)|"
    r"(?:necessary|essential) (?:cookies )?only|disagree|without accepting|"
    r"refuser|continuer sans|ablehnen|nur (?:notwendige|essenzielle|erforderliche)|"
    r"rechazar|sólo necesarias|solo necesarias|rifiuta|weigeren|alleen noodzakelijk|"
    r"rejeitar|odrzu|từ chối|chỉ cần thiết|"
    r"拒绝|仅必要|拒絕|僅必要|拒否",
    re.IGNORECASE,
)
_COOKIES = "cookie|consent|gdpr|rgpd|privacy|confidentialit|datenschutz|隐私|隱私|riêng tư"
_BANNER_BUTTONS = """(words) => { const rule = new RegExp(words, "i");
  const buttons = "button, a, [role=button], input[type=button], input[type=submit]";
  return [...document.querySelectorAll(buttons)].filter((el) => {
    const box = el.getBoundingClientRect();
    if (box.width < 2 || box.height < 2 || (el.textContent || el.value || "").length > 80) return false;
    for (let node = el.parentElement, n = 0; node && n < 6 && node !== document.body; n++) {
      if (node.querySelector("textarea")) return false;
      if (rule.test(node.id + " " + node.className)) return true;
      if (node.innerText.length < 3000 && /cookie/i.test(node.innerText)) return true;
      node = node.parentElement;
    }
    return false; }).slice(0, 12); }"""
_CUT = 180
"""Characters from which on a snapshot may hold less than the field."""
_FAULTS = """(form) => [...form.elements]
  .filter((el) => el.willValidate && !el.validity.valid).slice(0, 10).map((el) => ({
  name: el.name || el.id, type: el.type, value: String(el.value).slice(0, 200), message: el.validationMessage,
  missing: el.validity.valueMissing }))"""


class _Stop(Exception):  # noqa: N818 - an end, not an error
    """The end of the job before anything was submitted."""

    def __init__(self, verdict: str, reason: str) -> None:
        super().__init__(reason)
        self.verdict, self.reason = verdict, reason


class Session:
    """A fresh context for one job. `say` is told the stages `filling` and `submitting` before they begin."""

    def __init__(
        self, browser: Browser, proxy: ForwardProxy, robots: Robots, job: Mapping[str, Any], say: Callable[[str], None]
    ) -> None:
        self._browser, self._proxy, self._robots, self._job, self._say = browser, proxy, robots, job, say
        self._timeout = float(job["page_timeout"]) * 1000
        self._values = Values(**job["values"])
        self._details: dict[str, str] = {}
        self._log: list[str] = []
        self._exhibits: list[tuple[str, str, str]] = []
        self._spoken: list[str] = []
        self._dialogs = 0
        self._pressed = False
        self._spent = False

    def run(self) -> dict[str, Any]:
        """The result. Whatever a page does ends in one."""
        self._traffic = self._proxy.begin()
        context = self._browser.new_context(
            service_workers="block", accept_downloads=False, permissions=[], viewport={"width": 1280, "height": 900},
            locale=self._job.get("language") or None,
        )  # fmt: skip
        try:
            result = self._in(context)
        finally:
            with suppress(Exception):
                context.close()
            self._proxy.hang_up()
        for host, why in [*self._traffic.refused.items(), *self._traffic.failed.items()][:20]:
            self._log.append(f"not reached: {host}: {why}")
        spent = self._spent or self._dialogs >= DIALOGS or self._traffic.too_much
        return {
            "url": self._url, **result, "details": self._details, "log": self._log[:200], "exhibits": self._exhibits,
            "spent": spent,
        }  # fmt: skip

    _url = ""

    def _in(self, context: BrowserContext) -> dict[str, Any]:
        from playwright.sync_api import Error

        context.set_default_timeout(self._timeout)
        gate = Gate(context, self._values.message, self._leaving)
        context.on("dialog", self._dialog)
        tab = context.new_page()
        gate.only_from(tab)
        context.on("page", _close)
        try:
            try:
                form, filled, before = self._prepare(tab, gate)
            except _Stop as stop:
                if gate.used:
                    raise
                self._picture(tab, "before")
                return {"verdict": stop.verdict, "reason": stop.reason}
            return self._submit(tab, gate, form, filled, before)
        except (Error, _Stop) as error:
            what = _first_line(error)
            verdict = "unconfirmed" if self._pressed or gate.used else "cannot_map"
            self._picture(tab, "after" if self._pressed else "before")
            return {"verdict": verdict, "reason": f"the page broke off: {what}"}

    def _leaving(self) -> None:
        """Before the message goes out: a browser repeats by itself what fails on a connection that it had ready, so it
        is made to open a new one."""
        self._say("submitting")
        self._proxy.hang_up()
        time.sleep(_LET_GO)

    # ------------------------------------------------------------------ looking
    def _prepare(self, tab: Tab, gate: Gate) -> tuple[Form, Filling, take.Taken]:
        """Everything up to the last press: the form, what was filled, the snapshot it stands in. Raises _Stop."""
        self._visit(tab, str(self._job["url"]))
        taken, form, labels = self._find(tab)
        began = time.monotonic()
        for _ in range(PARTS):
            self._check_action(taken, form)
            made = plan(form, labels, self._values)
            if isinstance(made, CannotFill):
                raise _Stop("blocked" if made.blocked else "cannot_map", made.reason)
            if not gate.typed:
                self._say("filling")
                gate.typing()
            for step in made.steps:
                self._fill(taken, step)
            self._check_faults(taken, form)
            self._pause(tab, began)
            again = take.take(tab)
            same = self._same(form, again.page)
            if same is None:
                raise _Stop("cannot_map", "the page changed the form while it was being filled")
            self._check_kept(again, same, made)
            if made.last:
                refused = self._refused(again.page)
                if refused:
                    raise _Stop(*refused)
                return same, made, again
            assert made.press is not None
            self._log.append("went on to the next part of the form")
            self._press(again.element(_ref_of(same, form, made)))
            self._settle(tab, gate, 5)
            taken, form, labels = self._find(tab, onward=True)
        raise _Stop("cannot_map", f"the form goes on after {PARTS} parts")

    def _visit(self, tab: Tab, url: str) -> None:
        from playwright.sync_api import Error
        from playwright.sync_api import TimeoutError as Late

        host = urlsplit(url).hostname or ""
        refused = self._robots.refusal(url)
        self._stop_if_unreached(host)
        if refused:
            raise _Stop("blocked", refused)
        try:
            response = tab.goto(url, wait_until="domcontentloaded", timeout=self._timeout)
        except Late:
            self._stop_if_too_much(url)
            self._spent = True
            raise _Stop("unreachable", f"{url} did not load in {self._timeout / 1000:g} s") from None
        except Error as error:
            self._stop_if_unreached(host)
            self._stop_if_too_much(url)
            if self._traffic.refused:
                raise _Stop("blocked", f"{url} leads on: {list(self._traffic.refused.values())[-1]}") from None
            said = _first_line(error)
            verdict = "cannot_map" if "REDIRECTS" in said or "Download" in said or "ABORTED" in said else "unreachable"
            raise _Stop(verdict, f"{url} did not load: {said}") from None
        self._url = tab.url
        with suppress(Error):
            tab.wait_for_load_state("load", timeout=min(5000, self._timeout))
        self._stop_if_unreached(urlsplit(tab.url).hostname or host)
        self._stop_if_too_much(url)
        if urlsplit(tab.url).scheme not in ("http", "https"):
            raise _Stop("cannot_map", f"{url} leads to {tab.url[:100]}, which is no web page")
        if response is not None:
            self._by_status(url, response.status)
        if tab.url != url and _site(tab.url) != _site(url):
            refused = self._robots.refusal(tab.url)
            if refused:
                raise _Stop("blocked", refused)
        self._cookies(tab)

    def _by_status(self, url: str, status: int) -> None:
        if status in (401, 403, 407, 451):
            raise _Stop("blocked", f"{url} is answered with status {status}: it is not for us")
        if status in (404, 410):
            raise _Stop("gone", f"{url} is answered with status {status}: there is no such page")
        if status >= 400:
            raise _Stop("unreachable", f"{url} is answered with status {status}")

    def _stop_if_too_much(self, url: str) -> None:
        if self._traffic.too_much:
            raise _Stop("cannot_map", f"{url} brings more than {self._traffic.limit:,} bytes")

    def _stop_if_unreached(self, host: str) -> None:
        if host in self._traffic.refused:
            raise _Stop("blocked", self._traffic.refused[host])
        if host in self._traffic.failed:
            raise _Stop("unreachable", f"{host} cannot be reached: {self._traffic.failed[host]}")

    def _find(self, tab: Tab, *, onward: bool = False) -> tuple[take.Taken, Form, dict[str, str]]:
        """The form to fill, here or one link further. Raises _Stop."""
        tried: set[str] = set()
        for _ in range(1 if onward else LINKS + 1):
            taken = take.take(tab)
            found = inspect(taken.page, self._needs())
            form = taken.page.form(found.choice.chosen)
            if found.verdict == "fillable" and form is not None:
                if tried:
                    self._details["found at"] = tab.url
                return taken, form, dict(found.fields)
            if form is not None and found.verdict == "cannot_map" and leads_on(form):
                return taken, form, dict(found.fields)
            if found.verdict != "no_form":
                raise _Stop(found.verdict, "; ".join(found.reasons) or found.verdict)
            tried.add(tab.url)
            link = next((one for one in contact.links(taken.page) if one.href not in tried), None)
            if onward or link is None or len(tried) > LINKS:
                raise _Stop("cannot_map", "; ".join(found.reasons) or "there is no contact form on the page")
            self._log.append(f"no form at {tab.url}; followed the link to {link.href}")
            tried.add(link.href)
            self._visit(tab, link.href)
        raise _Stop("cannot_map", "there is no contact form on the page")

    def _needs(self) -> Needs:
        gives = {"email", "message", "name", "first_name", "last_name", "subject", "topic"}
        return Needs(gives=frozenset(gives | ({"phone"} if self._values.phone else set())))

    def _refused(self, page: Page) -> tuple[str, str] | None:
        """What has come up on the page while we filled it in: a captcha, a log-in."""
        found = inspect(page, self._needs())
        if found.verdict == "blocked":
            return "blocked", "; ".join(found.reasons)
        return None

    def _cookies(self, tab: Tab) -> None:
        """Answer a cookie banner with the least consent that it offers; one that offers none is left alone."""
        with suppress(Exception):
            for handle in tab.evaluate_handle(_BANNER_BUTTONS, _COOKIES).get_properties().values():
                button = handle.as_element()
                words = (
                    " ".join((button.text_content() or button.get_attribute("value") or "").split()) if button else ""
                )
                if button and _LEAST.search(words):
                    button.click(timeout=2000)
                    self._details["cookie banner"] = f"answered with: {words[:80]}"
                    return

    # ------------------------------------------------------------------ filling
    def _check_action(self, taken: take.Taken, form: Form) -> None:
        target = urljoin(form.frame_url or taken.page.url, form.action)
        if urlsplit(target).scheme not in ("http", "https", "about"):
            raise _Stop("cannot_map", f"the form is sent to {target[:100]}, which is no web address")

    def _fill(self, taken: take.Taken, step: Step) -> None:
        from playwright.sync_api import Error

        try:
            element = taken.element(step.ref)
            if step.action == "fill":
                element.fill(step.value, timeout=self._timeout / 3)
            elif step.action == "select":
                element.select_option(value=step.value, timeout=self._timeout / 3)
            else:
                self._tick(element)
        except (Error, LookupError) as error:
            raise _Stop("cannot_map", f"the field {step.key} cannot be filled: {_first_line(error)}") from None
        self._details[f"{step.label}: {step.key}"] = step.shown[:500]

    def _tick(self, element: ElementHandle) -> None:
        """Tick it, or its label where that lies over it."""
        from playwright.sync_api import Error

        try:
            element.check(timeout=2000)
        except Error:
            element.evaluate(
                "(el) => { const label = el.labels && el.labels[0]; if (label && !el.checked) label.click(); }"
            )
            if not element.is_checked():
                raise

    def _check_faults(self, taken: take.Taken, form: Form) -> None:
        """Stop when the browser's own check of the form objects: an address that its pattern refuses, for instance."""
        if form.ref is None:
            return
        for fault in taken.element(form.ref).evaluate(_FAULTS):
            is_address = fault["value"] == self._values.email
            what = "our address" if is_address else f"what stands in {fault['name']!r}"
            raise _Stop("cannot_map", f"the form does not take {what} ({fault['value'][:100]}): {fault['message']}")

    def _check_kept(self, taken: take.Taken, form: Form, made: Filling) -> None:
        """What we typed still stands there."""
        now = {one.key: one for one in form.controls}
        for step in made.steps:
            control = now.get(step.key)
            if control is None or not (usable(control) or step.action == "check"):
                raise _Stop("cannot_map", f"the page took the field {step.key} away while the form was being filled")
            if step.action == "fill" and control.type != "editable":
                value = control.value
                if len(value) >= _CUT:
                    value = str(taken.element(control.ref).input_value())
                if "".join(value.split()) != "".join(step.value.split()):
                    raise _Stop("cannot_map", f"the page changes what is typed into {step.key}")

    def _same(self, form: Form, page: Page) -> Form | None:
        """The form in a newer snapshot; None when what a visitor sees of it has changed."""
        seen = [(one.key, one.type) for one in form.controls if one.visible]
        for other in page.forms:
            if other.frame == form.frame and other.id == form.id and other.tagged == form.tagged:
                there = {(one.key, one.type) for one in other.controls if one.visible}
                if all(one in there for one in seen):
                    return other
        return None

    def _pause(self, tab: Tab, began: float) -> None:
        left = float(self._job.get("pace", 0)) - (time.monotonic() - began)
        if left > 0:
            tab.wait_for_timeout(left * 1000)

    # ------------------------------------------------------------------ pressing, once
    def _submit(self, tab: Tab, gate: Gate, form: Form, made: Filling, before: take.Taken) -> dict[str, Any]:
        from playwright.sync_api import Error

        self._picture(tab, "before")
        button = before.element(_ref_of(form, form, made)) if made.press else None
        try:
            if button is not None:
                button.click(trial=True, timeout=3000)
        except Error as error:
            return {"verdict": "cannot_map", "reason": f"the button cannot be pressed: {_first_line(error)}"}
        gate.open()
        self._say("submitting")
        self._pressed = True
        fault = ""
        try:
            box = button.bounding_box() if button is not None else None
            if box is not None:  # as it was found by the trial, which has scrolled to it
                tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            elif button is not None:
                button.click(no_wait_after=True, timeout=5000)
            else:
                assert form.ref is not None
                before.element(form.ref).evaluate("(form) => form.requestSubmit()")
        except Error as error:
            fault = _first_line(error)  # the page may be gone because it was submitted
        self._settle(tab, gate, float(self._job["settle"]))
        gate.close()
        after: Page | None = None
        for _ in range(3):
            try:
                after = take.take(tab).page
                break
            except Error:
                with suppress(Error):
                    tab.wait_for_timeout(300)
        self._picture(tab, "after")
        with suppress(Error):
            self._url = tab.url
        calls = gate.calls()
        self._log += [f"{one.method} {one.url[:300]} > {one.status or one.fault} {one.media_type}" for one in calls]
        if gate.held:
            self._log.append(f"{gate.held} requests that carried the message were held back")
        found = judge(
            form, before.page, after, calls, spoken=self._spoken, held=gate.held,
            ours=[step.value for step in made.steps], proven=self._job.get("proven", ()),
        )  # fmt: skip
        if fault:
            self._log.append(f"pressing: {fault}")
        if found.text:
            self._details["said afterwards"] = found.text[:_TEXT]
        status = next((str(call.status) for call in calls if call.status), None)
        return {
            "verdict": found.verdict, "reason": found.reason, "signs": list(found.signs), "pattern": found.pattern,
            "code": status,
        }  # fmt: skip

    def _press(self, element: ElementHandle) -> None:
        from playwright.sync_api import Error

        try:
            element.click(timeout=5000)
        except Error as error:
            raise _Stop("cannot_map", f"the button cannot be pressed: {_first_line(error)}") from None

    def _settle(self, tab: Tab, gate: Gate, most: float) -> None:
        """Wait until the page has come to rest: nothing under way and nothing new for a moment."""
        began = quiet = time.monotonic()
        last: object = None
        while time.monotonic() - began < most:
            try:
                tab.wait_for_timeout(15)
                state = (
                    tab.url,
                    tab.evaluate("() => document.readyState + (document.body ? document.body.innerText.length : 0)"),
                )
            except Exception:
                if tab.is_closed():
                    return
                state = ("", "")
            now = time.monotonic()
            if state != last or gate.pending or not str(state[1]).startswith("complete"):
                last, quiet = state, now
            wanted = _QUIET if gate.used or not gate.is_open else 2.0
            if now - quiet >= wanted or (gate.landed and not gate.pending and str(state[1]).startswith("complete")):
                return

    # ------------------------------------------------------------------ what a page throws at us
    def _dialog(self, dialog: Dialog) -> None:
        """Read it, and answer as somebody who wants to send: yes to a question that our press brought up, else no."""
        self._dialogs += 1
        if self._dialogs <= DIALOGS:
            self._spoken.append(dialog.message[:500])
            self._log.append(f"dialog ({dialog.type}): {dialog.message[:200]}")
        with suppress(Exception):
            if dialog.type in ("alert", "beforeunload") or (dialog.type == "confirm" and self._pressed):
                dialog.accept()
            else:
                dialog.dismiss()
        if self._dialogs == DIALOGS:
            with suppress(Exception):
                dialog.page.close(run_before_unload=False) if dialog.page else None

    def _picture(self, tab: Tab, name: str) -> None:
        with suppress(Exception):
            data = tab.screenshot(type="jpeg", quality=55, caret="initial", timeout=min(4000, self._timeout))
            self._exhibits.append((f"{name}.jpg", "image/jpeg", base64.b64encode(data).decode()))


def _ref_of(form: Form, old: Form, made: Filling) -> Any:
    """The button to press, as the newest snapshot knows it."""
    key = next((one.key for one in old.controls if one.ref == made.press), None)
    control = form.control(key) if key is not None else None
    return control.ref if control else made.press


def _close(tab: Tab) -> None:
    with suppress(Exception):
        tab.close()


def _site(url: str) -> str:
    return urlsplit(url).netloc


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]
