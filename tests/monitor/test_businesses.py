"""Businesses from CSVs as people have them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from monitor.businesses import BusinessRow, EndpointRow, Imported, messages, read, rejects_csv
from probes import loader
from probes.contract import Description

DATA = Path(__file__).parent.parent / "data/import"


@dataclass(frozen=True)
class Numbers:
    """A channel of telephone numbers: a plus and digits, or it is refused."""

    description = Description(
        summary="numbers", bases=frozenset({"own"}), columns=("phone", "tel"), time_limit=timedelta(minutes=1)
    )
    settings = BaseModel

    def normalise(self, address: str) -> str:
        number = "".join(c for c in address if c not in " -()")
        if not number.startswith("+") or not number[1:].isdigit():
            raise ValueError(f"{address!r} is not a number with its country code")
        return number

    def scope(self, address: str) -> str:
        return address

    def open(self, name: str, settings: Any, *, live: bool) -> object:
        raise NotImplementedError


KINDS = {"mail": loader.load("email"), "calls": Numbers()}


def imported(text: str | bytes, **more: Any) -> Imported:
    return read(text.encode() if isinstance(text, str) else text, kinds=KINDS, **more)


def only(found: Imported) -> BusinessRow:
    assert messages(found, "b.csv") == []
    (row,) = found.rows
    return row


HEAD = "name,email,country,basis\n"
PLAIN = HEAD + "Shop,info@shop.example,FR,public_enquiry\n"


def test_a_plain_row_becomes_a_business_with_its_endpoint() -> None:
    assert only(imported(PLAIN)) == BusinessRow(
        line=2,
        key="shop-6a175e92",
        name="Shop",
        sector=None,
        country="FR",
        language=None,
        timezone="Europe/Paris",
        group=None,
        basis="public_enquiry",
        basis_proof=None,
        own_domains=(),
        partner_domains=(),
        fields={},
        endpoints=(EndpointRow(channel="mail", address="info@shop.example", scope="shop.example"),),
    )


# --------------------------------------------------------------------------- files
def test_a_western_spreadsheet_s_file_semicolons_windows_1252_quotes_and_a_line_break_in_a_cell() -> None:
    found = imported((DATA / "excel-western.csv").read_bytes())
    assert messages(found, "b.csv") == []
    mueller, lea = found.rows
    assert (mueller.line, mueller.name, mueller.language, mueller.timezone) == (
        3, "Fahrradladen Müller", "de", "Europe/Berlin",
    )  # fmt: skip
    assert mueller.endpoints[0].address == "info@xn--mller-kva.example"
    assert mueller.own_domains == ("xn--mller-kva.example",)
    assert mueller.fields == {"produkt": "Stadtrad"}
    assert (lea.line, lea.name, lea.group, lea.sector) == (4, 'Vélos "Chez Léa"', "Groupe Été", "Fahrräder")
    assert lea.fields == {"produkt": "vélo;\r\npliant".replace("\r", "")}
    assert found.warnings == ("read as Windows-1252, since it is not UTF-8; check a name with accents in it",)


def test_a_spreadsheet_s_unicode_text_utf_16_tabs_and_chinese_headings() -> None:
    found = imported((DATA / "unicode-text.csv").read_bytes())
    assert messages(found, "b.csv") == []
    shop, other = found.rows
    assert shop.name == "北京自行车店"
    assert shop.endpoints[0].address == "客服@xn--ub1as4k3rg.example"
    assert (shop.language, shop.timezone) == ("zh", "Asia/Ho_Chi_Minh")
    assert shop.key.startswith("business-")
    assert other.key.startswith("cua-hang-dap-xe-")
    assert found.warnings == ("column '产品' cannot fill a placeholder and is left out; rename it to use it",)


def test_every_bad_row_is_named_with_its_line_and_its_reason() -> None:
    found = imported((DATA / "mess.csv").read_bytes())
    told = "\n".join(messages(found, "mess.csv")) + "\n"
    assert told == (DATA / "mess.txt").read_text(encoding="utf-8")
    assert [row.name for row in found.rows] == ["Good Shop", "Decimal", 'Joe\'s "Best" Shop', "Last One"]
    assert found.warnings == ("line 20 is the same as line 2 and is left out",)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encoding_separator_and_line_ends_do_not_matter(encoding: str, mark: str, end: str) -> None:
    rows = [["Name", "E-mail", "Pays", "Basis", "City"], ["Café Nöé", "info@cafe.example", "fr", "own", "Nîmes"]]
    text = end.join(mark.join(row) for row in rows)
    row = only(imported(text.encode(encoding)))
    assert (row.name, row.endpoints[0].address, row.country, row.fields) == (
        "Café Nöé", "info@cafe.example", "FR", {"city": "Nîmes"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\n\n  \n", "is empty"),
        ((HEAD + "北京自行车店,a@b.example,CN,own\n").encode("gb18030"), "neither UTF-8 nor Windows-1252"),
        ((HEAD + "Caf\u00e9s et th\u00e9s,\u00e9,\u00e9,own\n").encode() + b"\xff\n", "is UTF-8 text but for line 3"),
        (b"\xff\xfea", "cannot be read as utf-16"),
        (b"a,b,c\n1,2,3\n", "has no column for the name of the business; call it name"),
        (b"name,country,basis\n", "has no column of addresses; the configured channels look for 'email' for mail"),
        (b"name,email,country\n", "has no column for the basis of contact; call it basis, and write one of own, "),
        (b"name,email,basis\n", "has no column timezone"),
        (b"name,firma,email,country,basis\n", "the columns 'name' and 'firma' both hold the name; keep one"),
        (b'"name,email\n', "line 1: a quote is opened on this line and never closed"),
    ],
)
def test_a_file_that_cannot_be_read_as_businesses_says_why(data: bytes, words: str) -> None:
    found = imported(data)
    assert found.rows == ()
    assert any(words in problem for problem in found.problems), found.problems


def test_a_quote_that_is_never_closed_spoils_its_own_line_only() -> None:
    text = HEAD + '"Open,a@a.example,FR,own\nNext,b@b.example,FR,own\n"Fine, really",c@c.example,FR,own\n'
    found = imported(text)
    assert [reject.line for reject in found.rejects] == [2]
    assert [row.name for row in found.rows] == ["Next", "Fine, really"]


def test_a_quote_that_another_stray_quote_closes_spoils_those_two_lines_only() -> None:
    found = imported(
        HEAD + '"Open,a@a.example,FR,own\nShop,b@b.example,FR,own\nNext,c@c.example,FR,own"\nD,d@d.example,FR,own\n'
    )
    assert [(reject.line, reject.reasons[0][:32]) for reject in found.rejects] == [
        (2, "a quote is opened on this line a"),
        (4, "basis is 'own\"'; write one of ow"),
    ]
    assert [row.name for row in found.rows] == ["Shop", "D"]


def test_a_cell_longer_than_any_cell_is_refused_by_itself() -> None:
    found = imported(HEAD + f"{'x' * 200_000},a@a.example,FR,own\nShop,b@b.example,FR,own\n")
    assert found.rejects[0].reasons == ("a cell holds more than 131072 characters",)
    assert [row.name for row in found.rows] == ["Shop"]


# --------------------------------------------------------------------------- headings
@pytest.mark.parametrize(
    ("heading", "attribute"),
    [
        ("Raison sociale", "name"), ("FIRMENNAME", "name"), ("tên_công_ty", "name"), ("公司名称", "name"),
        ("会社名", "name"), ("Nombre", "name"), ("NAME ", "name"),
    ],
)  # fmt: skip
def test_headings_in_the_words_people_use(heading: str, attribute: str) -> None:
    row = only(imported(PLAIN.replace("name", heading, 1)))
    assert getattr(row, attribute) == "Shop"


@pytest.mark.parametrize(
    "heading", ["E-Mail", "email address", "Adresse électronique", "Courriel", "邮箱", "Thư điện tử"]
)
def test_addresses_stand_under_the_headings_that_their_channel_names(heading: str) -> None:
    assert only(imported(PLAIN.replace("email", heading))).endpoints[0].address == "info@shop.example"


def test_a_business_may_have_several_addresses_and_channels() -> None:
    text = "name,email,email 2,Tel,country,basis\nShop,a@x.example,b@x.example,+33 1 61 23 45 67,FR,own\n"
    assert [(e.channel, e.address) for e in only(imported(text)).endpoints] == [
        ("mail", "a@x.example"), ("mail", "b@x.example"), ("calls", "+33161234567"),
    ]  # fmt: skip


def test_an_address_that_stands_twice_in_a_row_is_one_endpoint() -> None:
    text = "name,email,e-mail,country,basis\nShop,a@x.example,A@X.example,FR,own\n"
    assert len(only(imported(text)).endpoints) == 1


def test_a_channel_that_is_not_configured_has_no_endpoints_and_its_column_is_a_field() -> None:
    found = read(b"name,email,tel,country,basis\nS,a@x.example,12,FR,own\n", kinds={"mail": KINDS["mail"]})
    assert [e.channel for e in only(found).endpoints] == ["mail"]
    assert only(found).fields == {"tel": "12"}


def test_two_channels_of_one_kind_both_get_the_address() -> None:
    found = read(PLAIN.encode(), kinds={"mail": KINDS["mail"], "other_mail": KINDS["mail"]})
    assert [e.channel for e in only(found).endpoints] == ["mail", "other_mail"]


def test_columns_that_nobody_knows_fill_placeholders_under_a_plain_name() -> None:
    text = (
        "name,email,country,basis,Produit phare,City!,product,Product,persona\nS,a@x.example,FR,own,vélo,Lyon,1,2,me\n"
    )
    found = imported(text)
    assert only(found).fields == {"produit_phare": "vélo", "city": "Lyon", "product": "1"}
    assert found.fields == ("produit_phare", "city", "product")
    assert found.warnings == (
        "column 'Product' stands there twice; the first one counts",
        "column 'persona' cannot fill a placeholder and is left out; rename it to use it",
    )


# --------------------------------------------------------------------------- cells
@pytest.mark.parametrize(
    ("cell", "address"),
    [
        ("+33161234567.0", "+33161234567"), ("'+33161234567", "+33161234567"), ('"=""+33161234567"""', "+33161234567"),
        ("\u200b+33161234567\u00a0", "+33161234567"),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_put_around_a_number_is_taken_off(cell: str, address: str) -> None:
    assert only(imported(f"name,tel,country,basis\nS,{cell},FR,own\n")).endpoints[0].address == address


@pytest.mark.parametrize("cell", ["3.31612E+10", '"3,31612E+10"', "3E10", "+3.3e+10"])
def test_a_number_that_lost_its_digits_is_refused_not_guessed(cell: str) -> None:
    found = imported(f"name,tel,country,basis\nS,{cell},FR,own\n")
    assert found.rows == ()
    assert "was a number before a spreadsheet shortened it; format the column as text" in found.rejects[0].reasons[0]


@pytest.mark.parametrize("cell", ["612345678", "612345678.0"])
def test_a_number_that_lost_its_zero_is_refused_with_a_hint(cell: str) -> None:
    (reject,) = imported(f"name,tel,country,basis\nS,{cell},FR,own\n").rejects
    assert reject.reasons == (
        "'612345678' is not a number with its country code (if a spreadsheet took away a leading 0 or +: format the "
        "column as text in the spreadsheet and export it again)",
    )


def test_a_key_keeps_its_digits_and_loses_a_decimal_point() -> None:
    text = "key,name,email,country,basis\n{},S,a@x.example,FR,own\n"
    assert only(imported(text.format("0042"))).key == "0042"
    assert only(imported(text.format("42.0"))).key == "42"
    assert "was shortened by a spreadsheet" in imported(text.format("4.2E+11")).rejects[0].reasons[0]
    assert "cannot be used" in imported(text.format("a/b")).rejects[0].reasons[0]


@pytest.mark.parametrize("cell", ['=HYPERLINK("http://x.example")', "=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3"])
def test_a_formula_is_text_like_any_other(cell: str) -> None:
    quoted = '"' + cell.replace('"', '""') + '"'
    row = only(imported(f"name,email,country,basis,note\n{quoted},a@x.example,FR,own,{quoted}\n"))
    assert row.name == cell
    assert row.fields["note"] == cell


def test_what_a_spreadsheet_shows_for_no_value_is_no_value() -> None:
    text = "name,email,country,basis,group,note\nS,a@x.example,FR,own,#N/A,#REF!\nT,b@x.example,FR,own,,\n"
    found = imported(text)
    assert [row.group for row in found.rows] == [None, None]
    assert "line 2: group is #N/A, which is left out" in found.warnings


def test_a_line_break_in_a_name_is_a_space() -> None:
    assert only(imported(HEAD + '"Shop\n of Lyon",a@x.example,FR,own\n')).name == "Shop of Lyon"


@pytest.mark.parametrize(
    ("cell", "domains"),
    [
        ("https://www.shop.example/contact?x=1", ("shop.example",)),
        ("shop.example; http://Bücher.example:8080/", ("shop.example", "xn--bcher-kva.example")),
        ("info@shop.example", ("shop.example",)),
        ("", ()),
    ],
)
def test_own_domains_come_from_domains_web_sites_and_addresses(cell: str, domains: tuple[str, ...]) -> None:
    assert only(imported(f"name,email,country,basis,website\nS,a@x.example,FR,own,{cell}\n")).own_domains == domains


@pytest.mark.parametrize(("cell", "control"), [("yes", True), ("X", True), ("oui", True), ("no", False), ("", False)])
def test_a_control_mailbox_is_marked(cell: str, control: bool) -> None:
    assert (
        only(imported(f"name,email,country,basis,control\nS,a@x.example,FR,own,{cell}\n")).endpoints[0].control
        is control
    )


def test_a_control_that_is_neither_yes_nor_no_is_refused() -> None:
    (reject,) = imported("name,email,country,basis,control\nS,a@x.example,FR,own,maybe\n").rejects
    assert reject.reasons == ("control is 'maybe'; write yes or no",)


# --------------------------------------------------------------------------- country and time zone
@pytest.mark.parametrize(
    ("country", "code", "zone"),
    [
        ("FR", "FR", "Europe/Paris"), ("France", "FR", "Europe/Paris"), ("Deutschland", "DE", "Europe/Berlin"),
        ("Việt Nam", "VN", "Asia/Ho_Chi_Minh"), ("UK", "GB", "Europe/London"), ("日本", "JP", "Asia/Tokyo"),
        ("côte d'ivoire", "CI", "Africa/Abidjan"), ("Malaysia", "MY", "Asia/Kuala_Lumpur"),
    ],
)  # fmt: skip
def test_a_country_that_keeps_one_time_gives_the_zone(country: str, code: str, zone: str) -> None:
    row = only(imported(PLAIN.replace("FR", country)))
    assert (row.country, row.timezone) == (code, zone)


@pytest.mark.parametrize("country", ["US", "ES", "CN", "RU", "AU", "Brazil"])
def test_a_country_with_several_times_does_not(country: str) -> None:
    (reject,) = imported(PLAIN.replace("FR", country)).rejects
    assert "has no time zone, and" in reject.reasons[0]
    assert only(imported(PLAIN.replace("FR", country), default_timezone="Asia/Tokyo")).timezone == "Asia/Tokyo"


def test_a_time_zone_of_its_own_wins_over_country_and_default() -> None:
    text = "name,email,country,time zone,basis\nS,a@x.example,ES,Atlantic/Canary,own\n"
    assert only(imported(text, default_timezone="Asia/Tokyo")).timezone == "Atlantic/Canary"


def test_defaults_stand_in_for_blank_cells_only() -> None:
    text = "name,email,country,basis,language\nS,a@x.example,FR,,\nT,b@x.example,FR,consented,vi\n"
    found = imported(text, default_basis="public_enquiry", default_language="fr")
    assert [(row.basis, row.language) for row in found.rows] == [("public_enquiry", "fr"), ("consented", "vi")]
    assert found.warnings == ("line 3: basis consented without basis_proof: policy will refuse to contact it",)


# --------------------------------------------------------------------------- several rows
def test_a_row_that_stands_twice_is_left_out_and_one_that_differs_is_refused() -> None:
    found = imported(PLAIN + "Shop,INFO@shop.example,FR,public_enquiry\nShop,info@shop.example,FR,public_enquiry\n")
    assert [(reject.line, reject.reasons) for reject in found.rejects] == [
        (3, (f"is the business of line 2 again (key {found.rows[0].key}); keep one, or give each a key of its own",))
    ]
    assert found.warnings == ("line 4 is the same as line 2 and is left out",)


def test_an_address_that_several_businesses_share_is_kept_and_told() -> None:
    found = imported(HEAD + "One,desk@group.example,FR,own\nTwo,Desk@Group.example,FR,own\nThree,c@c.example,FR,own\n")
    assert len(found.rows) == 3
    assert found.warnings == (
        "desk@group.example is shared by One (line 2), Two (line 3): all are kept, cool-down and yearly cap count the "
        "address once",
    )


def test_a_business_without_any_address_is_kept_as_not_contactable() -> None:
    found = imported(HEAD + "Shop,,FR,own\n")
    assert only(found).endpoints == ()
    assert found.warnings == ("line 2: Shop has no address: it counts as not contactable",)


def test_the_key_does_not_depend_on_order_or_on_what_else_is_known() -> None:
    first = imported(HEAD + "A,a@x.example,FR,own\nB,b@x.example,FR,own\n")
    second = imported("basis,sector,email,name,country\nown,bikes,B@X.example,b,FR\nown,,a@x.example,A,FR\n")
    assert {row.key for row in first.rows} == {row.key for row in second.rows}


def test_the_rejects_are_written_as_they_stood_and_can_be_put_right_and_imported() -> None:
    found = imported(
        'name;email;country;basis;note\nA;bad;FR;own;"=1+1;\nx"\nB;b@x.example;FR;own;\nC;c@x.example;FR;;\n'
    )
    written = rejects_csv(found)
    rows = list(csv.reader(io.StringIO(written.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert rows[0] == ["name", "email", "country", "basis", "note", "rejected_line", "rejected_because"]
    assert rows[1][:6] == ["A", "bad", "FR", "own", "=1+1;\nx", "2"]
    assert rows[2][5:] == ["5", "has no basis of contact; write one of own, consented, public_enquiry, authority"]
    again = imported(written.replace(b";bad;", b";a@x.example;").replace(b"FR;;", b"FR;own;"))
    assert messages(again, "b.csv") == []
    assert [row.name for row in again.rows] == ["A", "C"]
    assert again.rows[0].fields == {"note": "=1+1;\nx"}


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: (HEAD + text).encode()))
@settings(max_examples=300, deadline=None)
def test_whatever_the_bytes_reading_them_never_fails(data: bytes) -> None:
    found = imported(data)
    assert bool(found.problems) <= (found.rows == ())
    assert all(reject.reasons for reject in found.rejects)
    assert all(row.name and row.key and row.timezone and row.basis for row in found.rows)


def test_ten_thousand_rows_are_read_whole() -> None:
    rows = "".join(f"Shop {n},info@shop{n}.example,FR,own\n" for n in range(10_000))
    assert len(imported(HEAD + rows).rows) == 10_000
