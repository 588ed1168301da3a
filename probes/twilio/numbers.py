"""Telephone numbers: E.164 spelling, and the ones that nobody may be sent to."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import PhoneNumberType

_NEVER = {
    PhoneNumberType.PREMIUM_RATE: "is a premium-rate number",
    PhoneNumberType.SHARED_COST: "is a shared-cost number",
    PhoneNumberType.PAGER: "is a pager",
    PhoneNumberType.VOICEMAIL: "is a voicemail access number",
}

_INVENTED = re.compile(
    r"""
      1\d{3}555 01\d\d                       # North America: 555-0100 to 555-0199
    | 44 (?: 20 79460 | 113 4960 | 114 4960 | 115 4960 | 116 4960 | 117 4960 | 118 4960 | 121 4960 | 131 4960
           | 141 4960 | 151 4960 | 161 4960 | 191 4980 | 28 9649 6 | 29 2018 0 | 1632 960 | 808 1570 | 7700 900 ) \d*
    | 33 (?: 1 99 00 | 2 61 91 | 3 53 01 | 4 65 71 | 5 36 49 | 6 39 98 ) \d*
    | 49 (?: 30 23125 | 69 90009 | 40 66969 | 221 4710 | 89 99998 | 171 39200 | 176 040690 ) \d*
    | 61 (?: [2378] 5550 | [2378] 7010 | 491 57 ) \d*
    | 353 20 91\d*
    """,
    re.VERBOSE,
)
"""Ranges that regulators keep free for films and examples (NANPA, Ofcom, ARCEP, BNetzA, ACMA)."""


def normalise(address: str) -> str:
    """E.164, "+" and digits. Raises ValueError saying what is wrong."""
    text = address.strip()
    if not text.startswith(("+", "00")):
        raise ValueError(f'{address!r} has no country code; write it in full, such as "+33 1 23 45 67 89"')
    if text.startswith("00"):
        text = "+" + text[2:]
    if not re.fullmatch(r"\+[\d\s().\-/\u00a0\u202f]+", text, re.ASCII):
        raise ValueError(f"{address!r} is not a telephone number; write one number with its country code")
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException as error:
        raise ValueError(f"{address!r} is not a telephone number ({error})") from None
    spelt = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    why = _NEVER.get(phonenumbers.number_type(number))
    if why is not None:
        raise ValueError(f"{address!r} {why}: such numbers are never contacted")
    # An invented number is refused once the channel is live; until then it is what one tries things out with.
    if not phonenumbers.is_valid_number(number) and not is_invented(spelt):
        raise ValueError(f"{address!r} is no number that can be assigned, or a short or emergency one; look it up")
    return spelt


def is_invented(number: str) -> bool:
    """Whether an E.164 number lies in a range that is kept free for films and examples."""
    return _INVENTED.fullmatch(number.removeprefix("+")) is not None
