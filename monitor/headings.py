"""What the headings of a CSV mean, in the languages and spellings people use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitor.scenarios import OWN_NAMES
from probes.contract import ChannelKind

SPELLINGS: Mapping[str, str] = {
    "key": "key id code reference ref business_id kundennummer référence identifiant mã 编号 編號 번호",
    "name": (
        "name business business_name company company_name organisation organization firm firm_name shop "
        "trade_name nom raison_sociale entreprise société enseigne firma firmenname unternehmen betrieb "
        "nombre empresa razón_social nome azienda ragione_sociale naam bedrijf bedrijfsnaam nazwa název navn "
        "namn yritys название компания tên tên_công_ty công_ty doanh_nghiệp tên_doanh_nghiệp 名称 名稱 公司 "
        "公司名称 公司名稱 企业 企業 商号 会社名 店名 회사명 상호"
    ),
    "sector": (
        "sector industry trade category branch_of_trade secteur activité catégorie branche sektor "
        "sector_actividad settore setor categoría ngành lĩnh_vực ngành_nghề 行业 行業 业种 業種 업종 отрасль"
    ),
    "country": "country country_code pays land país paese kraj quốc_gia nước 国家 國家 国 국가 страна",
    "language": "language lang langue sprache idioma lingua taal język ngôn_ngữ 语言 語言 言語 언어 язык",
    "timezone": (
        "timezone time_zone tz fuseau fuseau_horaire zeitzone zona_horaria fuso_orario tijdzone múi_giờ 时区 "
        "時區"
    ),
    "group": (
        "group owner chain franchise helpdesk help_desk groupe chaîne enseigne_mère gruppe kette grupo gruppo "
        "groep nhóm chuỗi 集团 集團 连锁 連鎖 グループ"
    ),
    "basis": "basis legal_basis base_légale rechtsgrundlage grundlage cơ_sở 依据 依據 法律依据",
    "basis_proof": (
        "basis_proof proof consent_proof preuve preuve_du_consentement nachweis einwilligung prueba prova "
        "bằng_chứng 证明 證明"
    ),
    "own_domains": (
        "own_domains domain domains website web site url homepage site_web site_internet webseite "
        "internetseite sitio_web sito_web domaine domaines domäne trang_web tên_miền 网站 網站 网址 網址 域名 "
        "ウェブサイト 홈페이지"
    ),
    "partner_domains": (
        "partner_domains partner_domain helpdesk_domain help_desk_domain domaines_partenaires partnerdomänen"
    ),
    "control": "control control_endpoint contrôle kontrolle",
}  # fmt: skip
"""Column -> headings that mean it, folded as `fold` does, "_" for a space."""

IGNORED = ("rejected_line", "rejected_because")
"""Columns of our own file of rejects: passed over when it is imported again."""

_PLACEHOLDER = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each thing stands: indexes of cells; `width` is how many there are.

    `endpoints`: (index, channels whose addresses stand there).
    """

    known: Mapping[str, int]
    endpoints: Sequence[tuple[int, tuple[str, ...]]]
    fields: Mapping[str, int]
    width: int
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())


def fold(heading: str) -> str:
    """A heading as it is compared: lower case, no accents, one "_" for anything between letters and digits."""
    # đ and ß have no accent to lose; the rest falls apart into letter and mark.
    lowered = heading.casefold().replace("đ", "d").replace("ß", "ss")
    plain = "".join(c for c in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(c))
    return "_".join("".join(c if c.isalnum() else " " for c in plain).split())


_KNOWN = {fold(word): column for column, words in SPELLINGS.items() for word in words.split()}


def score(cells: Sequence[str], kinds: Mapping[str, ChannelKind]) -> int:
    """How many of the cells are headings that are known."""
    ours = _addresses(kinds)
    return sum(1 for cell in cells if (name := fold(cell)) in _KNOWN or _unnumbered(name) in ours)


def columns(header: Sequence[str], kinds: Mapping[str, ChannelKind]) -> Columns:
    """What each column of `header` holds. Headings that nobody knows become `fields`, to fill placeholders with."""
    ours = _addresses(kinds)
    known: dict[str, int] = {}
    endpoints: list[tuple[int, tuple[str, ...]]] = []
    fields: dict[str, int] = {}
    problems: list[str] = []
    warnings: list[str] = []
    for index, heading in enumerate(header):
        name = fold(heading)
        if not name or name in IGNORED:
            continue
        if channels := ours.get(_unnumbered(name)):
            endpoints.append((index, channels))
        elif column := _KNOWN.get(name):
            if column in known:
                first = header[known[column]].strip()
                problems.append(f"the columns {first!r} and {heading.strip()!r} both hold the {column}; keep one")
            known.setdefault(column, index)
        elif not _PLACEHOLDER.fullmatch(name) or name in OWN_NAMES:
            warnings.append(
                f"column {heading.strip()!r} cannot fill a placeholder and is left out; rename it to use it"
            )
        elif name in fields:
            warnings.append(f"column {heading.strip()!r} stands there twice; the first one counts")
        else:
            fields[name] = index
    return Columns(known, tuple(endpoints), fields, len(header), tuple(problems), tuple(warnings))


def _addresses(kinds: Mapping[str, ChannelKind]) -> dict[str, tuple[str, ...]]:
    """Folded heading -> names of the channels whose addresses stand under it."""
    found: dict[str, tuple[str, ...]] = {}
    for channel, kind in kinds.items():
        for heading in kind.description.columns:
            found[fold(heading)] = tuple(dict.fromkeys((*found.get(fold(heading), ()), channel)))
    return found


def _unnumbered(name: str) -> str:
    """ "email_2" -> "email": a second column of the same kind."""
    return re.sub(r"_?[1-9]$", "", name)
