"""One record of a CSV of businesses, read cell by cell: a row ready to be stored, or what is wrong with it."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor import countries
from monitor.addresses import check_domain
from monitor.facts import BASES
from monitor.headings import Columns
from monitor.policy import PROVEN
from monitor.scenarios import check_language
from monitor.zones import zone
from probes.contract import ChannelKind

_MANGLED = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+")
_DECIMAL = re.compile(r"(\+?\d+)[.,]0+")
_NUMBER = re.compile(r"[\d\s.,()/-]+")
_EXCEL_ERROR = re.compile(r"#(?:N/A|NA|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!)")
_FORMULA_TEXT = re.compile(r'="([^"]*)"')
_KEY = re.compile(r"[^\s/\\?#%\x00-\x1f\x7f]{1,120}")
_YES, _NO = (
    frozenset(["yes", "y", "true", "1", "x", "oui", "ja", "si", "sí", "da", "是", "có"]),
    frozenset(["no", "n", "false", "0", "non", "nein", "not", "否", "không"]),
)
_LANGUAGES = {
    "english": "en", "anglais": "en", "englisch": "en", "french": "fr", "français": "fr", "francais": "fr",
    "französisch": "fr", "german": "de", "deutsch": "de", "allemand": "de", "spanish": "es", "español": "es",
    "italian": "it", "italiano": "it", "dutch": "nl", "nederlands": "nl", "portuguese": "pt", "português": "pt",
    "polish": "pl", "polski": "pl", "russian": "ru", "русский": "ru", "japanese": "ja", "日本語": "ja", "korean": "ko",
    "한국어": "ko", "chinese": "zh", "中文": "zh", "vietnamese": "vi", "tiếng việt": "vi", "vietnamien": "vi",
}  # fmt: skip
_HOW_TO_KEEP_NUMBERS = "format the column as text in the spreadsheet and export it again"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRow:
    """One way to reach a business; `channel` is its name in the config, `address` is normalised."""

    channel: str
    address: str
    scope: str
    control: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessRow:
    """A business ready to be stored. `line` is where its record begins in the file, counted from 1."""

    line: int
    key: str
    name: str
    sector: str | None
    country: str | None
    language: str | None
    timezone: str
    group: str | None
    basis: str
    basis_proof: str | None
    own_domains: tuple[str, ...]
    partner_domains: tuple[str, ...]
    fields: Mapping[str, str]
    endpoints: tuple[EndpointRow, ...]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What stands in for blank cells."""

    basis: str | None
    timezone: str | None
    language: str | None


class Row:
    """One record on its way to a BusinessRow; what is wrong goes to `reasons`, what is odd to `notes`."""

    def __init__(
        self,
        line: int,
        cells: tuple[str, ...],
        heads: Columns,
        kinds: Mapping[str, ChannelKind],
        defaults: Defaults,
        reasons: list[str],
        notes: list[str],
    ) -> None:
        self.line, self.cells, self.heads, self.kinds = line, cells, heads, kinds
        self.defaults, self.reasons, self.notes = defaults, reasons, notes

    def build(self) -> BusinessRow | None:
        extra = [cell for cell in self.cells[self.heads.width :] if cell]
        if extra:
            self.reasons.append(
                f"has {len(self.cells)} cells where the header has {self.heads.width}; put quotes around a cell that "
                "holds the separator"
            )
            return None
        name = self._plain("name")
        if not name:
            self.reasons.append("has no name")
        endpoints = self._endpoints()
        country = self._country()
        timezone = self._timezone(country)
        basis = self._basis()
        proof = self._plain("basis_proof") or None
        if basis in PROVEN and proof is None:
            self.notes.append(f"line {self.line}: basis {basis} without basis_proof: policy will refuse to contact it")
        if not endpoints and not self.reasons:
            self.notes.append(f"line {self.line}: {name} has no address: it counts as not contactable")
        row = BusinessRow(
            line=self.line,
            key=self._key(name, endpoints),
            name=name,
            sector=self._plain("sector") or None,
            country=country,
            language=self._language(),
            timezone=timezone,
            group=self._plain("group") or None,
            basis=basis,
            basis_proof=proof,
            own_domains=self._domains("own_domains"),
            partner_domains=self._domains("partner_domains"),
            fields=self._fields(),
            endpoints=endpoints,
        )
        return None if self.reasons else row

    def _cell(self, index: int | None) -> str:
        return self.cells[index] if index is not None and index < len(self.cells) else ""

    def _plain(self, column: str) -> str:
        """A cell on one line; what a spreadsheet shows in place of a value is no value."""
        text = " ".join(self._cell(self.heads.known.get(column)).split())
        if _EXCEL_ERROR.fullmatch(text):
            self.notes.append(f"line {self.line}: {column} is {text}, which is left out")
            return ""
        return text

    def _endpoints(self) -> tuple[EndpointRow, ...]:
        control = self._control()
        found: dict[tuple[str, str], EndpointRow] = {}
        for index, channels in self.heads.endpoints:
            cell = self._cell(index)
            if not cell:
                continue
            if _MANGLED.fullmatch(cell):
                self.reasons.append(f"{cell!r} was a number before a spreadsheet shortened it; {_HOW_TO_KEEP_NUMBERS}")
                continue
            cell = _DECIMAL.sub(r"\1", cell) if _DECIMAL.fullmatch(cell) else cell
            for channel in channels:
                kind = self.kinds[channel]
                try:
                    address = kind.normalise(cell)
                except ValueError as error:
                    hint = f" (if a spreadsheet took away a leading 0 or +: {_HOW_TO_KEEP_NUMBERS})"
                    self.reasons.append(f"{error}{hint if _NUMBER.fullmatch(cell) else ''}")
                    continue
                found[channel, address] = EndpointRow(
                    channel=channel, address=address, scope=kind.scope(address), control=control
                )
        return tuple(found.values())

    def _control(self) -> bool:
        text = self._plain("control").casefold()
        if text and text not in _YES | _NO:
            self.reasons.append(f"control is {text!r}; write yes or no")
        return text in _YES

    def _country(self) -> str | None:
        text = self._plain("country")
        if not text:
            return None
        try:
            return countries.code(text)
        except ValueError as error:
            self.reasons.append(str(error))
            return None

    def _timezone(self, country: str | None) -> str:
        text = self._plain("timezone")
        several = countries.zones(country) if country else ()
        if text:
            try:
                zone(text)
            except ValueError as error:
                self.reasons.append(str(error))
            return text
        if len(several) == 1:
            return several[0]
        if self.defaults.timezone:
            return self.defaults.timezone
        if several:
            named = ", ".join(several[:4]) + (", ..." if len(several) > 4 else "")
            self.reasons.append(f"has no time zone, and {country} has several ({named}); write it in a column timezone")
        elif not self._plain("country"):
            self.reasons.append('has no time zone and no country; write a time zone such as "Europe/Paris"')
        return ""

    def _basis(self) -> str:
        text = self._plain("basis").casefold().replace(" ", "_").replace("-", "_") or self.defaults.basis or ""
        if not text:
            self.reasons.append(f"has no basis of contact; write one of {', '.join(BASES)}")
        elif text not in BASES:
            self.reasons.append(f"basis is {text!r}; write one of {', '.join(BASES)}")
        return text

    def _language(self) -> str | None:
        text = self._plain("language")
        if not text:
            return self.defaults.language
        try:
            return check_language(_LANGUAGES.get(text.casefold(), text))
        except ValueError as error:
            self.reasons.append(str(error))
            return None

    def _domains(self, column: str) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for text in re.split(r"[\s,;|]+", self._plain(column)):
            bare = re.sub(r"^[a-z][a-z0-9+.-]*://", "", text.strip().lower())
            bare = re.split(r"[/?#:]", bare)[0].rpartition("@")[2].removeprefix("www.")
            if not bare:
                continue
            try:
                found[check_domain(bare)] = None
            except ValueError as error:
                self.reasons.append(str(error))
        return tuple(found)

    def _fields(self) -> dict[str, str]:
        fields: dict[str, str] = {}
        for name, index in self.heads.fields.items():
            text = self._cell(index)
            if _MANGLED.fullmatch(text) or _EXCEL_ERROR.fullmatch(text):
                self.notes.append(f"line {self.line}: {name} is {text}, which looks like a spreadsheet's doing")
            if text:
                fields[name] = text
        return fields

    def _key(self, name: str, endpoints: Sequence[EndpointRow]) -> str:
        given = self._plain("key")
        if given:
            if _MANGLED.fullmatch(given):
                self.reasons.append(f"key {given!r} was shortened by a spreadsheet; {_HOW_TO_KEEP_NUMBERS}")
            given = _DECIMAL.sub(r"\1", given) if _DECIMAL.fullmatch(given) else given
            if not _KEY.fullmatch(given):
                self.reasons.append(f"key {given!r} cannot be used; write letters, digits, - and _, without spaces")
            return given
        first = endpoints[0].address if endpoints else ""
        folded = unicodedata.normalize("NFKC", name).casefold()
        mark = hashlib.sha256(f"{folded}\n{first}".encode()).hexdigest()[:8]
        return f"{_slug(name)}-{mark}"


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.casefold().replace("ß", "ss").replace("đ", "d"))
    words = re.findall(r"[a-z0-9]+", "".join(c for c in plain if not unicodedata.combining(c)))
    return "-".join(words)[:40].strip("-") or "business"


def clean(cell: str) -> str:
    """A cell without what spreadsheets and web pages leave around it. A formula is text like any other."""
    text = "".join(c for c in cell if c in "\n\t\u200c\u200d" or not unicodedata.category(c).startswith("C"))
    text = text.replace("\xa0", " ").strip()
    if found := _FORMULA_TEXT.fullmatch(text):
        return found[1].strip()
    return text[1:] if re.match(r"'[=+\-@\d]", text) else text
