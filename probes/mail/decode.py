"""Bytes and headers of a mail to text: forgiving, bounded, and never an exception.

Everything here takes what a mail really holds (unknown charsets, broken encoded words, mangled base64, deeply nested
HTML) and gives the best readable text.
"""

from __future__ import annotations

import binascii
import codecs
import html
import quopri
import re
from collections.abc import Iterable
from functools import lru_cache

from selectolax.lexbor import LexborHTMLParser

HTML_LIMIT = 300_000
"""Characters of HTML that are read; lexbor takes quadratic time on deep nesting, see `_too_deep`."""
DEPTH_LIMIT = 400

_ALIASES = {
    "": "utf-8", "ascii": "utf-8", "us-ascii": "utf-8", "ansi_x3.4-1968": "utf-8", "unknown-8bit": "utf-8",
    "default": "utf-8", "binary": "utf-8", "8bit": "utf-8", "unicode": "utf-8", "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8", "utf8mb4": "utf-8", "iso-8859-1": "cp1252", "latin1": "cp1252",
    "iso8859-1": "cp1252", "iso-8859-8-i": "iso-8859-8", "iso-8859-9": "cp1254", "iso-8859-11": "cp874",
    "windows-874": "cp874", "tis-620": "cp874", "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030",
    "gb_2312-80": "gb18030", "cn-gb": "gb18030", "chinesebig5": "big5", "big5": "big5hkscs", "cn-big5": "big5hkscs",
    "x-sjis": "cp932", "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-euc-jp": "euc_jp",
    "ks_c_5601-1987": "cp949", "ks_c_5601": "cp949", "euc-kr": "cp949", "ksc5601": "cp949", "iso-2022-kr": "iso2022_kr",
}  # fmt: skip
# Codecs that are no charsets, or that can be made to work for ever.
_REFUSED = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"})

_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]{0,4000})\?=")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f\u0085\u2028\u2029]+")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]+")
_NO_CONTROL = dict.fromkeys(code for code in (*range(32), 127) if chr(code) not in "\t\n\r")


@lru_cache(maxsize=512)
def _codec(charset: str) -> str | None:
    name = charset.strip().strip("\"'").lower().partition("*")[0]
    name = _ALIASES.get(name, name)
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    if info.name.replace("-", "_") in _REFUSED or not getattr(info, "_is_text_encoding", True):
        return None
    return info.name


def text_of(data: bytes, charset: str = "") -> str:
    """Decode `data` by the charset it claims, else as UTF-8, else as Windows-1252. Control characters are dropped."""
    codec = _codec(charset) or "utf-8"
    try:
        text = data.decode(codec)
    except (UnicodeError, LookupError, ValueError):
        text = _second_guess(data, codec)
    return clean(text)


def _second_guess(data: bytes, codec: str) -> str:
    if codec != "utf-8":
        try:
            return data.decode("utf-8")
        except UnicodeError:
            pass
        if codec not in {"utf-7", "utf-16", "utf-32"}:
            return data.decode(codec, "replace")
    else:
        text = data.decode("utf-8", "replace")
        # A few broken characters among sound ones: still UTF-8. A legacy charset leaves nothing but holes.
        holes = text.count("\ufffd")
        if holes < len(_NOT_ASCII.findall(text)) - holes:
            return text
    return data.decode("cp1252", "replace")


def clean(text: str) -> str:
    """Line ends as \\n, without NULs and other control characters, those above ASCII included (tabs stay)."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        return text.translate(_NO_CONTROL)
    return _CONTROL.sub("", text.replace("\u0085", "\n"))


def surrogates(text: str) -> str:
    """Text as compat32 holds it (raw bytes as surrogates) to real text."""
    if text.isascii():
        return text
    try:
        data = text.encode("ascii", "surrogateescape")
    except UnicodeError:
        data = text.encode("utf-8", "surrogateescape")
    return text_of(data)


def header_text(value: str) -> str:
    """A header value on one line, encoded words decoded, even broken ones. Never holds a line end."""
    text = surrogates(value)
    if "=?" in text:
        text = _decode_words(text)
    if text.isascii() and text.isprintable():
        return text.strip()
    return _SPACE.sub(" ", text).strip()


def _decode_words(text: str) -> str:
    out: list[str] = []
    pending: list[bytes] = []  # neighbours of one charset are joined: a character may be cut between two words
    charset = ""
    at = 0

    def flush() -> None:
        if pending:
            out.append(text_of(b"".join(pending), charset))
            pending.clear()

    for word in _ENCODED_WORD.finditer(text):
        between = text[at : word.start()]
        if between.strip() or not pending:
            flush()
            out.append(between)
        if word[1].lower() != charset:
            flush()
            charset = word[1].lower()
        if word[2] in "bB":
            data = unbase64(word[3].encode("ascii", "replace"))
        else:
            data = quopri.decodestring(word[3].replace(" ", "_").encode("ascii", "replace"), header=True)
        pending.append(data)
        if charset.startswith("iso-2022"):  # stateful: each word starts anew
            flush()
        at = word.end()
    flush()
    out.append(text[at:])
    return "".join(out)


_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def unbase64(data: bytes) -> bytes:
    """Base64 as far as it goes: foreign characters skipped, missing padding supplied."""
    data = _NOT_BASE64.sub(b"", data)
    if len(data) % 4 == 1:
        data = data[:-1]
    try:
        return binascii.a2b_base64(data + b"=" * (-len(data) % 4))
    except binascii.Error:
        return b""


def body_bytes(payload: str, encoding: str, limit: int) -> bytes:
    """The bytes of a part from its payload as compat32 holds it; at most about `limit` bytes."""
    # Base64 grows by a third, quoted-printable at most threefold.
    payload = payload[: limit * 3]
    try:
        data = payload.encode("ascii", "surrogateescape")
    except UnicodeError:
        data = payload.encode("utf-8", "surrogateescape")
    encoding = encoding.strip().lower()
    if encoding.startswith("base64"):
        data = unbase64(data)
    elif encoding.startswith("quoted"):
        data = quopri.decodestring(data)
    return data[:limit]


# ----------------------------------------------------------------------------------------------------------- HTML
_BREAK = "\x1e"
_TAGS = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_BLOCKS = re.compile(  # matches no more than "<": what stands there is replaced ten times as fast as with a group
    r"<(?=(?:br|hr)\b[^>]{0,2000}>|/?(?:p|div|tr|li|h[1-6]|table|ul|ol|blockquote|pre|center)\b)", re.I
)
_CELLS = re.compile(r"</t[dh]\s*>", re.I)
_ANY_TAG = re.compile(r"<[^>]{0,2000}>")
_VOID = frozenset({"br", "hr", "img", "meta", "link", "input", "p", "li", "td", "th", "tr", "col", "dd", "dt"})


def _too_deep(source: str) -> bool:
    if source.count("<") < 2 * DEPTH_LIMIT:
        return False
    depth = 0
    for closing, name in _TAGS.findall(source):
        if name.lower() in _VOID:
            continue
        depth += -1 if closing else 1
        if depth > DEPTH_LIMIT:
            return True
    return False


def html_text(source: str, drop: str = "") -> str:
    """The text of an HTML body with a line for each block; elements matching the CSS selector `drop` are left out.

    Scripts, styles and the head never show. Linear in the size; a body nested deeper than DEPTH_LIMIT is read by
    stripping its tags.
    """
    source = source[:HTML_LIMIT]
    if not source.strip():
        return ""
    source = " ".join(source.split())
    source = _BLOCKS.sub(_BREAK + "<", source)
    source = _CELLS.sub("</td> ", source)
    if _too_deep(source):
        text = html.unescape(_ANY_TAG.sub("", source))
    else:
        try:
            tree = LexborHTMLParser(source)
            unwanted = "head, style, script, title, template, noscript" + (", " + drop if drop else "")
            for node in tree.css(unwanted):
                node.decompose()
            text = tree.body.text(separator="") if tree.body else ""
        except Exception:  # a parser of hostile input: whatever it does, the mail is still read
            text = html.unescape(_ANY_TAG.sub("", source))
    lines = (" ".join(line.split()) for line in text.split(_BREAK))
    return _squeeze(clean(line) for line in lines)  # a character reference may name any control character


def _squeeze(lines: Iterable[str]) -> str:
    out: list[str] = []
    for line in lines:
        if line or (out and out[-1]):
            out.append(line)
    return "\n".join(out).strip()
