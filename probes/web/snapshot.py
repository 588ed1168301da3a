"""A page as it stood in a browser at one moment: what every decider of this package reads, and nothing else.

Made by `collect.js` in each frame and put together by `join`. Sizes are CSS pixels, texts are cut and have single
spaces. `Form.index`: place of the `<form>` in the top document, from 0; NO_FORM for controls of the top document
outside any form; forms in shadow roots and frames, and loose controls there, are numbered on after the last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

NO_FORM = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """Where an element is to be found again.

    `frame`: which child frame of which, from the top document (); `path`: a CSS path for each level of shadow root, the
    document's first; `number`: its place among the elements that were kept in that frame when the snapshot was taken.
    """

    frame: tuple[int, ...] = ()
    path: tuple[str, ...] = ()
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One choice of a select."""

    value: str = ""
    text: str = ""
    selected: bool = False
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One input, textarea, select, button or editable element.

    `key`: how it is called in answers (see `keys`). `label`: text of its <label>s; `aria`: aria-labelledby or
    aria-label; `near`: text beside it; `group`: its fieldset's legend. `around`: classes and ids of its two parents.
    `native` is unset for what only acts as a control. `hidden_by`: means by which it cannot be seen, "" when it can,
    "type" for type=hidden.
    """

    key: str = ""
    ref: Ref = field(default_factory=Ref)
    order: int = 0
    tag: str = "input"
    type: str = "text"
    native: bool = True
    name: str = ""
    id: str = ""
    classes: str = ""
    around: str = ""
    data: str = ""
    autocomplete: str = ""
    inputmode: str = ""
    pattern: str = ""
    maxlength: int | None = None
    label: str = ""
    aria: str = ""
    described: str = ""
    near: str = ""
    group: str = ""
    placeholder: str = ""
    title: str = ""
    value: str = ""
    text: str = ""
    source: str = ""
    required: bool = False
    aria_required: bool = False
    disabled: bool = False
    readonly: bool = False
    checked: bool = False
    multiple: bool = False
    options: tuple[Option, ...] = ()
    visible: bool = True
    hidden_by: str = ""
    label_visible: bool = False
    width: int = 0
    height: int = 0
    focusable: bool = True
    tabindex: int = 0
    aria_hidden: bool = False

    @property
    def hidden(self) -> bool:
        """Whether it is of type=hidden: the page's own business, never filled."""
        return self.type == "hidden"

    @property
    def must(self) -> bool:
        """Whether the page's mark-up says that it is required."""
        return self.required or self.aria_required


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An element that may belong to a captcha: frame, script, image, or something named so."""

    tag: str = ""
    id: str = ""
    classes: str = ""
    name: str = ""
    source: str = ""
    alt: str = ""
    title: str = ""
    sitekey: str = ""
    data: str = ""
    width: int = 0
    height: int = 0
    visible: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form, or the controls outside any (`tagged` unset).

    `heading`: headings within; `before`: the heading before it; `prior`: text just before it; `trail`: tag, id and
    classes of the elements around it, from the nearest. `noscript`: what it asks of those without scripts.
    `ref` is None without a <form>.
    """

    index: int = 0
    ref: Ref | None = None
    frame: tuple[int, ...] = ()
    frame_url: str = ""
    shadow: bool = False
    tagged: bool = True
    id: str = ""
    name: str = ""
    classes: str = ""
    action: str = ""
    method: str = "get"
    label: str = ""
    role: str = ""
    data: str = ""
    heading: str = ""
    before: str = ""
    prior: str = ""
    trail: tuple[str, ...] = ()
    text: str = ""
    visible: bool = True
    controls: tuple[Control, ...] = ()
    marks: tuple[Mark, ...] = ()
    noscript: str = ""

    def control(self, key: str) -> Control | None:
        """The control of this key."""
        return next((one for one in self.controls if one.key == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link: `href` absolute, `raw` as written; `part`: "nav", "footer" or ""; `coded`: an address in code."""

    href: str = ""
    raw: str = ""
    text: str = ""
    label: str = ""
    rel: str = ""
    part: str = ""
    coded: str = ""
    visible: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The whole page. `frames`: addresses of all frames below the top document; `problems`: what could not be read."""

    url: str = ""
    canonical: str = ""
    title: str = ""
    language: str = ""
    text: str = ""
    headings: tuple[str, ...] = ()
    forms: tuple[Form, ...] = ()
    links: tuple[Link, ...] = ()
    marks: tuple[Mark, ...] = ()
    frames: tuple[str, ...] = ()
    coded: tuple[str, ...] = ()
    linked_data: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def form(self, index: int | None) -> Form | None:
        """The form of this index."""
        return next((one for one in self.forms if one.index == index), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What `collect.js` returned in one frame: `data` as it came, `path` () for the top document."""

    data: Mapping[str, Any]
    path: tuple[int, ...] = ()
    visible: bool = True


def join(frames: Sequence[Frame]) -> Page:
    """One page of its frames, the top document first."""
    top = frames[0].data
    forms: list[Form] = []
    later: list[Form] = []
    for frame in frames:
        for data in frame.data.get("forms", ()):
            form = _form(data, frame)
            own = not frame.path and not form.shadow
            (forms if own else later).append(form)
    numbered: list[Form] = []
    count = 0
    for form in [*forms, *later]:
        if form.tagged or form in later:
            numbered.append(replace(form, index=count))
            count += 1
        else:
            numbered.append(replace(form, index=NO_FORM))
    plain = {name: top[name] for name in ("url", "canonical", "title", "language", "headings", "text") if name in top}
    return from_json(
        {
            **plain,
            "text": " ".join([str(top.get("text", "")), *(str(one.data.get("text", "")) for one in frames[1:])])[
                :60000
            ],
            "forms": numbered,
            **{
                name: [row for frame in frames for row in frame.data.get(name, ())]
                for name in ("links", "marks", "coded", "linked_data", "problems")
            },
            "frames": [frame.data.get("url", "") for frame in frames[1:]],
        }
    )


def keys(controls: Sequence[Control]) -> tuple[str, ...]:
    """How each control is called: its name; "#id" where the name is absent or repeated; "@k", the k-th that is not of
    type=hidden, where it has neither. What is no native control and has no id is "~k".
    """
    names = Counter(one.name for one in controls if one.native and not one.hidden)
    ids = Counter(one.id for one in controls if not one.hidden)
    out: list[str] = []
    taken: set[str] = set()
    place = other = 0
    for one in controls:
        if one.hidden:
            key = one.name or f"#{one.id}"
        elif one.native and one.name and names[one.name] == 1:
            key = one.name
        elif one.id and ids[one.id] == 1:
            key = f"#{one.id}"
        else:
            key = f"@{place}" if one.native else f"~{other}"
        if not one.hidden and key in taken:
            key = f"@{place}" if one.native else f"~{other}"
        taken.add(key)
        out.append(key)
        place += one.native and not one.hidden
        other += not one.native
    return tuple(out)


_T = TypeVar("_T")


def from_json(data: Mapping[str, Any]) -> Page:
    """A page from plain data (`to_json`). Keys that are not known are left out. Raises TypeError, ValueError."""
    return _read(Page, data)


def to_json(page: Page) -> dict[str, Any]:
    """A page as plain data."""
    plain = _plain(page)
    assert isinstance(plain, dict)
    return plain


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _read(kind: type[_T], data: Any) -> _T:
    if isinstance(data, kind):
        return data
    if not isinstance(data, Mapping):
        raise TypeError(f"{kind.__name__} is not an object")
    hints = _HINTS.setdefault(kind, get_type_hints(kind))
    return kind(**{name: _value(hint, data[name], name) for name, hint in hints.items() if name in data})


_HINTS: dict[type[Any], dict[str, Any]] = {}


def _value(hint: Any, value: Any, name: str) -> Any:
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        if not isinstance(value, list | tuple):
            raise TypeError(f"{name} is not a list")
        return tuple(_value(inner, one, name) for one in value)
    options = get_args(hint) or (hint,)
    for option in options:
        if isinstance(option, type) and is_dataclass(option) and value is not None:
            return _read(option, value)
    if not isinstance(value, options):
        raise TypeError(f"{name} is {type(value).__name__}")
    return value


def _form(data: Mapping[str, Any], frame: Frame) -> Form:
    place = {"frame": frame.path}
    controls = [
        _read(Control, {**one, "ref": {**place, "path": one["path"], "number": one["number"]}})
        for one in data.get("controls", ())
    ]
    named = [replace(one, key=key) for one, key in zip(controls, keys(controls), strict=True)]
    ref = None
    if data.get("number") is not None:
        ref = {**place, "path": data["path"], "number": data["number"]}
    return _read(
        Form,
        {
            **data,
            "ref": ref,
            "frame": frame.path,
            "frame_url": frame.data.get("url", "") if frame.path else "",
            "visible": bool(data.get("visible")) and frame.visible,
            "controls": named,
        },
    )
