"""Countries: their two-letter codes, and the time zone of those that keep one time. From the tables of tzdata."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files

from monitor.zones import zone

_OTHER_NAMES = {
    "uk": "GB", "great britain": "GB", "united kingdom": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "usa": "US", "united states of america": "US", "deutschland": "DE", "allemagne": "DE", "alemania": "DE",
    "osterreich": "AT", "autriche": "AT", "schweiz": "CH", "suisse": "CH", "svizzera": "CH", "espana": "ES",
    "espagne": "ES", "italia": "IT", "italie": "IT", "belgique": "BE", "belgie": "BE", "pays bas": "NL",
    "nederland": "NL", "the netherlands": "NL", "holland": "NL", "luxemburg": "LU", "polska": "PL", "czechia": "CZ",
    "cesko": "CZ", "slovensko": "SK", "magyarorszag": "HU", "romania": "RO", "hrvatska": "HR", "slovenija": "SI",
    "danmark": "DK", "norge": "NO", "sverige": "SE", "suomi": "FI", "eesti": "EE", "latvija": "LV", "lietuva": "LT",
    "turkiye": "TR", "hellas": "GR", "ireland": "IE", "eire": "IE", "brasil": "BR", "mexique": "MX",
    "viet nam": "VN", "việt nam": "VN", "中国": "CN", "中國": "CN", "台灣": "TW", "台湾": "TW",
    "香港": "HK", "日本": "JP", "한국": "KR", "대한민국": "KR", "south korea": "KR", "россия": "RU", "україна": "UA",
}  # fmt: skip
# Two zones of a country count as one when they agreed through these years: Büsingen keeps Berlin's time.
_FROM, _DAYS = datetime(2025, 1, 1, tzinfo=UTC), 2 * 365


def code(text: str) -> str:
    """The two-letter code of a country given by code or name. Raises ValueError."""
    name = _folded(text)
    known = _names()
    if len(name) == 2 and name.upper() in _zones():
        return name.upper()
    if name in known:
        return known[name]
    raise ValueError(f"{text!r} is not a country that is known; write its two-letter code, such as FR")


def zones(country: str) -> tuple[str, ...]:
    """The time zones of a country (two-letter code) that differ from each other, the first named first."""
    return _different(_zones().get(country, ()))


@cache
def _different(names: tuple[str, ...]) -> tuple[str, ...]:
    kept: dict[tuple[timedelta | None, ...], str] = {}
    for name in names:
        where = zone(name)
        offsets = tuple((_FROM + timedelta(days=n)).astimezone(where).utcoffset() for n in range(_DAYS))
        kept.setdefault(offsets, name)
    return tuple(kept.values())


@cache
def _zones() -> dict[str, tuple[str, ...]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for cells in _table("zone.tab"):
        found[cells[0]].append(cells[2])
    return {country: tuple(names) for country, names in found.items()}


@cache
def _names() -> dict[str, str]:
    own = {_folded(cells[1]): cells[0] for cells in _table("iso3166.tab")}
    return own | {_folded(name): country for name, country in _OTHER_NAMES.items()}


def _table(name: str) -> list[list[str]]:
    text = (files("tzdata") / "zoneinfo" / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def _folded(text: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in plain).split())
