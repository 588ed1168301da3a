"""What to put where: pure. A form whose controls are labelled, and what there is to say, give steps or a refusal.

Only what a visitor sees is touched: visible, focusable, larger than a pixel, not read-only. Consent to the processing
of data is ticked where the form requires it, marketing never; a choice is made by the intent of the enquiry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from probes.web.snapshot import Control, Form, Ref

Action = Literal["fill", "check", "select"]
TEXT = frozenset({"text", "email", "tel", "url", "search", "textarea", "number", "editable", ""})
PRESSED = frozenset({"submit", "button", "image", "reset"})
NEVER = frozenset({"honeypot", "captcha", "submit"})

_MARKETING = re.compile(
    r"newsletter|marketing|promo|offers?\b|subscri|mailing list|news and|infolettre|offres|abonn|werb|angebote|"
    r"bolet[ií]n|publicid|novedades|notizie|nieuwsbrief|khuyến mãi|bản tin|订阅|優惠|优惠|推广|推廣|メルマガ",
    re.IGNORECASE,
)
_STAR = re.compile(r"[*＊]\s*$|\((?:required|obligatoire|pflichtfeld|obligatorio|bắt buộc|必填)\)", re.IGNORECASE)
NEXT = re.compile(
    r"^\W*(?:next|continue|weiter|suivant|continuer|siguiente|continuar|avanti|volgende|dalej|tiếp(?: theo| tục)?|"
    r"下一步|继续|次へ)\b\W*(?:step)?\W*$",
    re.IGNORECASE,
)
_INTENTS = {
    "presale": r"sale|purchas|pricing|quote|product|buy|devis|vente|produit|achat|verkauf|angebot|produkt|venta|compra|"
    r"vendita|acquist|báo giá|mua|sản phẩm|销售|购买|产品|询价|報價",
    "support": r"support|help|technical|service|repair|aide|assistance|technique|hilfe|kundendienst|reparatur|soporte|"
    r"ayuda|assistenza|hỗ trợ|kỹ thuật|支持|技术|售后|服务|客服",
    "complaint": r"complain|problem|issue|réclamation|plainte|beschwerde|reklamation|queja|reclam|reclamo|khiếu nại|"
    r"投诉|投訴|意见",
    "existing_customer": r"existing|my order|account|customer|commande|compte|client|bestellung|konto|kunde|pedido|"
    r"ordine|đơn hàng|tài khoản|订单|账户",
}
_GENERAL = re.compile(
    r"general|other|question|enquir|inquir|information|autre|général|renseignement|sonstig|allgemein|frage|anfrage|otro|"
    r"consulta|altro|overig|khác|câu hỏi|thông tin|其他|其它|咨询|諮詢|一般",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What there is to say. `phone` is None unless somebody listens to it."""

    email: str
    message: str
    name: str
    subject: str
    intent: str = ""
    phone: str | None = None

    def of(self, label: str) -> str | None:
        """The text for a label; None where there is nothing to say."""
        first, _, last = self.name.rpartition(" ")
        return {
            "email": self.email,
            "message": self.message,
            "name": self.name,
            "first_name": first or self.name,
            "last_name": last,
            "subject": self.subject,
            "topic": self.subject,
            "phone": self.phone,
        }.get(label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do: `fill` with `value`, `check`, or `select` the option of this value. `label`: what it is."""

    key: str
    ref: Ref
    label: str
    action: Action
    value: str = ""
    shown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What to do with a form, then which button to press. `last` is unset when the button only leads to a next part."""

    steps: tuple[Step, ...]
    press: Ref | None
    last: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CannotFill:
    """Why nothing is filled in; `blocked` when the form asks for something that we do not give."""

    reason: str
    blocked: bool = False


def usable(control: Control) -> bool:
    """Whether a visitor could use it."""
    return (
        control.visible
        and control.focusable
        and control.width > 1
        and control.height > 1
        and not control.disabled
        and not control.readonly
        and not control.hidden
        and not control.aria_hidden
    )


def plan(form: Form, labels: Mapping[str, str], values: Values) -> Filling | CannotFill:
    """The steps for a form, or why there are none. `labels` are by key of control."""
    seen = [one for one in form.controls if usable(one)]
    steps: list[Step] = []
    done: set[str] = set()
    for control in seen:
        label = labels.get(control.key, "other")
        if label in NEVER or control.type in PRESSED or control.tag == "button":
            continue
        if control.type == "radio":
            if control.name in done:
                continue
            done.add(control.name)
            group = [one for one in seen if one.type == "radio" and one.name == control.name]
            made = _radio(group, labels, values)
        elif control.type == "checkbox":
            made = _box(control, label)
        elif control.tag == "select":
            made = _select(control, label, values)
        else:
            made = _text(control, label, values)
        if isinstance(made, CannotFill):
            return made
        steps += [made] if made else []
    filled = {step.label for step in steps}
    press, last = _button(seen, labels, done="message" in filled)
    if "message" not in filled and last:
        return CannotFill(reason="no field of the form that can be seen takes a message")
    if press is None and last and not any(step.action == "fill" for step in steps):
        return CannotFill(reason="the form has nothing to press")
    return Filling(steps=tuple(steps), press=press, last=last)


def leads_on(form: Form) -> bool:
    """Whether the form goes on after a part that can be seen: it has a button for that."""
    return any(usable(one) and NEXT.search(one.text or one.value) for one in form.controls)


def _text(control: Control, label: str, values: Values) -> Step | CannotFill | None:
    said = values.of(label)
    must = _must(control)
    if control.type not in TEXT:
        if not must:
            return None
        return CannotFill(reason=f"the form requires a field of type {control.type} ({_named(control)})")
    if said is None or (label == "topic" and not must):
        if not must or control.value:
            return None
        if label == "phone":
            return CannotFill(reason="the form requires a phone number, and nobody listens to one", blocked=True)
        return CannotFill(reason=f"the form requires {_named(control)}, to which there is nothing to say")
    if control.tag != "textarea" and "\n" in said and control.type != "editable":
        said = " ".join(said.split())
    if control.maxlength is not None and len(said) > control.maxlength:
        return CannotFill(
            reason=f"{_named(control)} takes {control.maxlength} characters; there are {len(said)} to say"
        )
    if not said:
        return None
    return Step(key=control.key, ref=control.ref, label=label, action="fill", value=said, shown=said)


def _box(control: Control, label: str) -> Step | CannotFill | None:
    words = _words(control)
    must = _must(control)
    if control.checked:
        return None
    if _MARKETING.search(words) and not (label == "consent" and must):
        if must:
            return CannotFill(reason=f"the form requires agreeing to marketing ({words[:120]})", blocked=True)
        return None
    if not must:
        return None
    if label != "consent":
        return CannotFill(reason=f"the form requires ticking {words[:120] or control.key!r}, which is no consent")
    return Step(key=control.key, ref=control.ref, label=label, action="check", shown=f"ticked: {words[:300]}")


def _radio(group: Sequence[Control], labels: Mapping[str, str], values: Values) -> Step | CannotFill | None:
    if any(one.checked for one in group) and not any(labels.get(one.key) == "topic" for one in group):
        return None
    must = any(_must(one) for one in group)
    topic = any(labels.get(one.key) == "topic" for one in group)
    if not must and not topic:
        return None
    chosen = group[_choice([_words(one) or one.value for one in group], values.intent)]
    return Step(
        key=chosen.key, ref=chosen.ref, label="topic" if topic else "other", action="check",
        shown=f"chosen: {_words(chosen) or chosen.value}",
    )  # fmt: skip


def _select(control: Control, label: str, values: Values) -> Step | CannotFill | None:
    if label != "topic" and not _must(control):
        return None
    real = [one for one in control.options if one.value and not one.disabled]
    now = next((one for one in control.options if one.selected), None)
    if label != "topic" and now is not None and now.value:
        return None
    if not real:
        return CannotFill(reason=f"{_named(control)} has nothing to choose from")
    chosen = real[_choice([one.text or one.value for one in real], values.intent)]
    return Step(
        key=control.key, ref=control.ref, label=label, action="select", value=chosen.value,
        shown=f"chosen: {chosen.text or chosen.value}",
    )  # fmt: skip


def _choice(texts: Sequence[str], intent: str) -> int:
    """Which of several choices fits the intent: one that names it, else a general one, else the first."""
    wanted = re.compile(_INTENTS.get(intent, r"(?!)"), re.IGNORECASE)
    for rule in (wanted, _GENERAL):
        for place, text in enumerate(texts):
            if rule.search(text):
                return place
    return 0


def _button(seen: Sequence[Control], labels: Mapping[str, str], *, done: bool) -> tuple[Ref | None, bool]:
    buttons = [one for one in seen if one.type in PRESSED or one.tag == "button" or labels.get(one.key) == "submit"]
    buttons = [one for one in buttons if one.type != "reset"]
    onward = next((one for one in buttons if NEXT.search(one.text or one.value)), None)
    named = [one for one in buttons if labels.get(one.key) == "submit" and one is not onward]
    plain = [one for one in buttons if one.type in ("submit", "image") and one is not onward]
    final = next(iter([*named, *plain]), None)
    if onward is not None and (final is None or not done):
        return onward.ref, False
    return (final.ref if final else None), True


def _must(control: Control) -> bool:
    return control.must or bool(_STAR.search(control.label.strip() or control.near.strip()))


def _words(control: Control) -> str:
    return control.label or control.aria or control.near or control.title


def _named(control: Control) -> str:
    return f"{(_words(control) or control.placeholder or control.key)[:80]!r}"
