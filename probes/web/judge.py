"""Whether a submission was taken: pure, over the page before, the page after, and what went over the wire.

`confirmed` takes two independent signs and no sign of an error; `rejected` takes the form's own word that something is
wrong; all else is `unconfirmed`. Status 200 alone is nothing: form plug-ins answer it to everything.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal
from urllib.parse import urlsplit

from probes.web.filling import usable
from probes.web.snapshot import Form, Page

_MOST_WORDS = 3000
_GONE = "is gone"

Verdict = Literal["confirmed", "rejected", "unconfirmed"]

_THANKS = re.compile(
    r"thank(?:s| you)|(?:was|has been|been|is) (?:sent|received|submitted|recorded)|successfully|sent success|"
    r"we(?:'ll| will|’ll) (?:get back|be in touch|reply|contact you|respond)|message (?:sent|received)|"
    r"merci|bien (?:été |)(?:envoyé|reçu|transmis)|a été envoyé|nous vous répondrons|"
    r"danke|vielen dank|erfolgreich|wurde (?:gesendet|übermittelt|versendet|verschickt)|erhalten|"
    r"gracias|ha sido enviad|enviado correctamente|recibido|grazie|è stat[oa] inviat|inviato con successo|"
    r"bedankt|dank je|dank u|verzonden|obrigad|enviad[oa] com sucesso|dziękujemy|została wysłana|"
    r"cảm ơn|cám ơn|đã (?:được )?gửi|gửi thành công|đã nhận|"
    r"谢谢|感谢|謝謝|感謝|提交成功|发送成功|已收到|已提交|已发送|送出成功|"
    r"ありがとう|送信(?:され|完了|しました)|受け付けました|감사|tack för|takk|kiitos|děkujeme|спасибо|отправлен",
    re.IGNORECASE,
)
_WRONG = re.compile(
    r"\b(?:is|are|field) required|required field|"
    r"please (?:enter|fill|provide|check|correct|complete|select|choose|tick|"
    r"accept|agree|try again)|invalid|not valid|\berrors?\b|could not be sent|(?:not|n't) (?:be )?sent|"
    r"went wrong|failed|"
    r"must be|cannot be blank|can't be blank|too (?:short|long)|spam|"
    r"est (?:requis|obligatoire|invalide)|obligatoire|veuillez|erreur|n.a pas pu|"
    r"pflichtfeld|bitte (?:geben|füllen|wählen|prüfen|überprüfen)|ungültig|fehler|konnte nicht|"
    r"obligatori|inválid|por favor,? (?:rellene|introduzca|complete)|no se (?:pudo|ha podido)|non valid|errore|"
    r"verplicht|ongeldig|fout|bắt buộc|không hợp lệ|vui lòng (?:nhập|điền|chọn|kiểm tra)|lỗi|không thể gửi|"
    r"必填|不能为空|请输入|请填写|无效|错误|失败|不正确|請輸入|必須|無效|錯誤|入力してください|正しく|エラー",
    re.IGNORECASE,
)
_THANKS_PATH = re.compile(
    r"thank|merci|danke|gracias|grazie|obrigad|success|confirm|sent|submitted|received|cam-on|bedankt", re.I
)
_GOOD_WORDS = frozenset({"ok", "success", "sent", "mail_sent", "done", "submitted", "created", "accepted"})
_BAD_WORDS = frozenset(
    {"error", "fail", "failed", "failure", "invalid", "validation_failed", "acceptance_missing", "spam", "mail_failed",
     "aborted", "validation_error", "rejected"}
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that carried the enquiry, and its answer. `status` 0: none came. `body`: the start of its text."""

    method: str
    url: str
    kind: str
    status: int = 0
    media_type: str = ""
    body: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """`text`: what the page said anew. `pattern`: how this site behaved, without what differs from time to time."""

    verdict: Verdict
    reason: str
    signs: tuple[str, ...]
    errors: tuple[str, ...]
    text: str
    pattern: str


def judge(
    form: Form,
    before: Page,
    after: Page | None,
    calls: Sequence[Call],
    *,
    spoken: Sequence[str] = (),
    ours: Sequence[str] = (),
    held: int = 0,
    proven: Iterable[str] = (),
) -> Judgement:
    """What became of a form that was submitted once.

    `after` None: the page can no longer be read. `spoken`: texts of dialogs that opened. `ours`: what we typed (never a
    word of the site's). `held`: further submissions of the page's own that were not let out. `proven`: patterns of
    earlier probes here that were answered.
    """
    new = " ".join([*spoken, *(_new_text(before, after, ours) if after else ())]).strip()
    signs: list[str] = []
    kinds: set[str] = set()

    def sign(kind: str, words: str) -> None:
        kinds.add(kind)
        signs.append(words)

    errors = _errors(calls, after, new)
    state = _form_state(form, after) if after else ""
    moved = bool(after and _path(after.url) != _path(before.url))
    if state:
        sign("form", f"the form {state}")
    if moved and after:
        sign("redirect", f"the page moved on to {urlsplit(after.url).path or '/'}")
        if _THANKS_PATH.search(urlsplit(after.url).path):
            sign("landing", "its address is that of a confirmation")
    said_thanks = _THANKS.search(new)
    if said_thanks:
        sign("text", f"the page says anew: {_around(new, said_thanks)}")
    if good := next((words for call in calls if (words := _json_word(call, good=True))), ""):
        sign("json", f"the answer says {good}")
    thanked = "text" in kinds or "landing" in kinds
    # A form that is gone because the page is another one is one sign with the move, not two.
    independent = len(kinds - {"form", "landing"} if moved else kinds - {"landing"}) + ("landing" in kinds)
    pattern = _pattern(kinds, after, calls, errors)
    wrong = _WRONG.search(new)
    if errors and not (said_thanks and not any(call.status >= 400 for call in calls) and not _bad(calls)):
        definite = bool(wrong and (not moved or state != _GONE) and not said_thanks) or _bad(calls)
        refused = definite or any(400 <= call.status < 500 and call.status not in (408, 425, 429) for call in calls)
        if (refused and calls) or (definite and not calls):
            return Judgement(
                verdict="rejected", reason=f"the form was not accepted: {errors[0]}", signs=tuple(signs),
                errors=tuple(errors), text=new[:2000], pattern=pattern,
            )  # fmt: skip
        return _unconfirmed(f"there are signs of an error: {errors[0]}", signs, errors, new, pattern)
    if not calls:  # whatever the page says: nothing that we know of left with the message
        return _unconfirmed("the page sent nothing that we saw", signs, errors, new, pattern)
    if held:
        signs.append(f"the page tried to submit {held} more times and was not let")
    if independent >= 2 and (thanked or "json" in kinds):
        return Judgement(
            verdict="confirmed", reason="; ".join(signs), signs=tuple(signs), errors=(), text=new[:2000],
            pattern=pattern,
        )  # fmt: skip
    if pattern in frozenset(proven):
        signs.append("an earlier enquiry here that ended the same way was answered")
        return Judgement(
            verdict="confirmed", reason="; ".join(signs), signs=tuple(signs), errors=(), text=new[:2000],
            pattern=pattern,
        )  # fmt: skip
    found = "; ".join(signs) or "no sign at all"
    return _unconfirmed(f"not two independent signs that it was taken ({found})", signs, errors, new, pattern)


def _unconfirmed(reason: str, signs: Sequence[str], errors: Sequence[str], text: str, pattern: str) -> Judgement:
    return Judgement(
        verdict="unconfirmed",
        reason=reason,
        signs=tuple(signs),
        errors=tuple(errors),
        text=text[:2000],
        pattern=pattern,
    )


# --------------------------------------------------------------------------- signs
def _errors(calls: Sequence[Call], after: Page | None, new: str) -> list[str]:
    found = [f"the answer says {words}" for call in calls if (words := _json_word(call, good=False))]
    found += [f"the answer has status {call.status}" for call in calls if call.status >= 400]
    found += [f"the request failed ({call.fault})" for call in calls if call.fault]
    if wrong := _WRONG.search(new):
        found.append(_around(new, wrong))
    if after and any(usable(one) and one.type == "password" for form in after.forms for one in form.controls):
        found.append("the page asks for a password")
    return found


def _bad(calls: Sequence[Call]) -> bool:
    return any(_json_word(call, good=False) for call in calls)


def _form_state(form: Form, after: Page) -> str:
    """How the form changed: _GONE, or emptied; "" when it stands there as before."""
    wanted = {_named(one.name, one.type, one.id) for one in form.controls if usable(one)}
    for other in after.forms:
        left = [one for one in other.controls if usable(one)]
        names = {_named(one.name, one.type, one.id) for one in left}
        if wanted and len(wanted & names) * 2 >= len(wanted):
            texts = [one for one in left if one.tag == "textarea" or one.type in ("text", "email")]
            if texts and all(not one.value for one in texts):
                return "was emptied"
            return ""
    return _GONE


def _named(name: str, kind: str, identity: str) -> str:
    return f"{name or identity}:{kind}"


def _new_text(before: Page, after: Page, ours: Sequence[str]) -> list[str]:
    """The runs of words that the page says and did not say before, without those that we typed."""
    old, new = before.text.split(), after.text.split()
    while old and new and old[0] == new[0]:
        del old[0], new[0]
    while old and new and old[-1] == new[-1]:
        del old[-1], new[-1]
    matcher = SequenceMatcher(None, old[:_MOST_WORDS], new[:_MOST_WORDS], autojunk=True)
    runs = [" ".join(new[c:d]) for tag, _, _, c, d in matcher.get_opcodes() if tag in ("insert", "replace")]
    typed = [" ".join(text.split()) for text in ours if len(text.strip()) > 2]
    for text in sorted(typed, key=len, reverse=True):
        runs = [run.replace(text, " ") for run in runs]
    return [run.strip() for run in runs if run.strip()]


def _json_word(call: Call, *, good: bool) -> str:
    """The word of a JSON answer that says it was taken (or, `good` unset, that it was not); "" when there is none."""
    if "json" not in call.media_type and not call.body.lstrip().startswith("{"):
        return ""
    try:
        data: Any = json.loads(call.body)
    except ValueError:
        return ""
    todo, looked = [data], 0
    while todo and looked < 50:
        looked += 1
        one = todo.pop(0)
        if not isinstance(one, dict):
            continue
        for key, value in one.items():
            name = str(key).lower()
            if name in ("success", "ok", "sent") and isinstance(value, bool) and value is good:
                return f"{key} = {str(value).lower()}"
            if name in ("status", "result", "state") and isinstance(value, str):
                word = value.strip().lower()
                if word in (_GOOD_WORDS if good else _BAD_WORDS):
                    return f"{key} = {value}"
            if not good and name == "errors" and value:
                return f"errors: {json.dumps(value, ensure_ascii=False)[:200]}"
            if isinstance(value, dict):
                todo.append(value)
    return ""


def _pattern(kinds: set[str], after: Page | None, calls: Sequence[Call], errors: Sequence[str]) -> str:
    """An opaque name for how a site behaves after a submission; "" where there is nothing to recognise."""
    if errors or not calls or after is None:
        return ""
    shape = sorted(kinds), sorted({(one.method, one.kind, one.status) for one in calls}), _path(after.url)
    return hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:32]


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path.rstrip('/')}"


def _around(text: str, found: re.Match[str]) -> str:
    begin, end = max(0, found.start() - 40), min(len(text), found.end() + 120)
    return text[begin:end].strip()
