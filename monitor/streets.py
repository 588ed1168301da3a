"""What a street address looks like, by the words that streets are called: one pattern for many languages. Pure.

Each alternative begins at an edge and is bounded, so that looking takes time linear in the text. Capital letters are
asked for, so that "12 days on the way" stays what it is.
"""

from __future__ import annotations

_CAPITAL = r"(?-i:[A-ZÀ-ÖØ-ÞĀ-ſƠƯ\u1ea0-\u1ef9А-ЯЁ])"
_SMALL = r"de|del|della|dei|di|da|do|dos|das|du|des|la|le|les|los|las|van|der|den|von|zum|zur|am|an|l['’]|d['’]"
_NAMED = rf"(?:(?:(?:{_SMALL})[ ]?){{0,3}}{_CAPITAL}[\w'’.\-]{{0,30}}[ ]?)"
_NUMBER = r"\d{1,5}(?:[ ]?[a-zа-я](?!\w))?(?:[/\-]\d{1,4})?"
_BEFORE = r"(?<!\w)"
_WORD = rf"(?:{_CAPITAL}[\w'’.]{{1,30}}[ \-])"

_ENGLISH = (
    "street|st|road|rd|avenue|ave|lane|ln|drive|dr|boulevard|blvd|square|sq|court|ct|place|pl|terrace|close|crescent"
    "|quay|highway|hwy|way|row"
)
_FRENCH = (
    r"rue|avenue|av\.|boulevard|bd|bvd|place|chemin|allée|impasse|quai|route|cours|square|passage|faubourg|esplanade"
)
_GERMANIC = r"straße|strasse|str\.|weg|platz|allee|gasse|damm|ufer|chaussee|straat|laan|gracht|kade|plein|dijk|singel"
_ROMANCE_AND_POLISH = (
    r"calle|c/|avenida|avda\.?|av\.|plaza|paseo|camino|carretera|via|viale|piazza|corso|largo|vicolo|rua|travessa"
    r"|praça|ul\.|ulica|al\.|aleja|pl\.|plac"
)
_RUSSIAN = r"ул\.|улица|проспект|пр-т|пр\.|пер\.|переулок|бульвар|наб\.|набережная|шоссе"

STREET = "|".join(
    (
        rf"{_BEFORE}{_NUMBER},?[ ]{_WORD}{{1,4}}(?:{_ENGLISH})(?!\w)\.?",
        rf"{_BEFORE}{_NUMBER}(?:[ ]?(?:bis|ter|quater))?,?[ ](?:{_FRENCH})[ ]{_NAMED}{{1,5}}",
        rf"{_BEFORE}{_WORD}{{0,3}}{_CAPITAL}\w{{0,30}}(?:{_GERMANIC})[ ]{_NUMBER}(?!\w)",
        rf"{_BEFORE}{_WORD}{{1,3}}(?:{_GERMANIC})[ ]{_NUMBER}(?!\w)",
        rf"{_BEFORE}(?:{_ROMANCE_AND_POLISH})[ ]{_NAMED}{{1,5}},?[ ]?(?:nº|n\.º|n\.|n°|no\.?|núm\.)?[ ]?{_NUMBER}"
        r"(?!\w)",
        rf"{_BEFORE}(?:{_RUSSIAN})[ ]?{_NAMED}{{1,4}},?[ ]?(?:д\.|дом)?[ ]?{_NUMBER}(?!\w)",
        rf"{_BEFORE}(?:số[ ])?{_NUMBER},?[ ](?:đường|phố|ngõ|ngách|hẻm)[ ](?:{_CAPITAL}\w{{0,12}}[ ]?){{1,5}}",
        rf"{_BEFORE}số[ ]{_NUMBER},?[ ](?:{_CAPITAL}\w{{0,12}}[ ]?){{2,5}}",
        r"(?<![\u4e00-\u9fff])[\u4e00-\u9fff]{1,12}(?:路|街|道|巷|弄|胡同)\d{1,5}[号號](?:\d{0,4}[室楼樓层層栋棟])?",
        r"(?<![\u4e00-\u9fff\u3040-\u30ff])[\u4e00-\u9fff\u3040-\u30ff]{1,14}\d{1,4}"
        r"(?:丁目\d{1,4}(?:番地?\d{0,4}号?|-\d{1,4})|-\d{1,4}-\d{1,4}(?!\d|-\d))",
        r"(?<![\uac00-\ud7a3])[\uac00-\ud7a3]{1,10}[구시동군읍][ ][\uac00-\ud7a3]{1,10}(?:로|길)"
        r"[ ]?\d{1,4}(?:-\d{1,4})?(?:번길[ ]?\d{1,4})?",
    )
)
"""An address as far as its street and number show it."""
