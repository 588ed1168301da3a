"""Pages made by hand: what a browser would have told of them, in a few words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from probes.web.snapshot import Control, Form, Link, Mark, Option, Page, keys


def box(name: str = "", label: str = "", type: str = "text", **more: Any) -> Control:  # noqa: A002 - as in HTML
    """A box for a line of text."""
    return Control(tag="input", type=type, name=name, label=label, **{"width": 200, "height": 24, **more})


def area(name: str = "", label: str = "", **more: Any) -> Control:
    return Control(tag="textarea", type="textarea", name=name, label=label, **{"width": 400, "height": 120, **more})


def choice(name: str = "", label: str = "", *options: str, **more: Any) -> Control:
    given = tuple(Option(value=one, text=one) for one in options)
    return Control(tag="select", type="select-one", name=name, label=label, options=given, **more)


def tick(name: str = "", label: str = "", **more: Any) -> Control:
    return box(name, label, type="checkbox", **more)


def hidden(name: str, value: str = "") -> Control:
    return Control(tag="input", type="hidden", name=name, value=value, visible=False, hidden_by="type")


def send(text: str = "Send", **more: Any) -> Control:
    return Control(tag="button", type="submit", text=text, **more)


def form(*controls: Control, index: int = 0, marks: tuple[Mark, ...] = (), **more: Any) -> Form:
    """A form of these controls, keyed as the snapshot does it."""
    named = [replace(one, key=key, order=n) for n, (one, key) in enumerate(zip(controls, keys(controls), strict=True))]
    return Form(index=index, controls=tuple(named), marks=marks, **more)


def page(*forms: Form, language: str = "en", **more: Any) -> Page:
    return Page(url="http://firm.example/contact", language=language, forms=forms, **more)


def contact_form(*more: Control, index: int = 0, marks: tuple[Mark, ...] = (), **about: Any) -> Form:
    """The plainest contact form: name, address, message."""
    controls = (box("name", "Your name"), box("email", "E-mail", type="email"), area("message", "Message"))
    return form(*controls, *more, send(), index=index, marks=marks, **about)


def link(href: str, text: str = "", **more: Any) -> Link:
    return Link(href=href, raw=more.pop("raw", href), text=text, **more)
