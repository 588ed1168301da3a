from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.mail.address import ascii_domain, domain_of, normalise


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("Info@Example.ORG", "info@example.org"),
        ("  info@example.org. ", "info@example.org"),
        ("mailto:info@example.org?subject=x", "info@example.org"),
        ("<info@example.org>", "info@example.org"),
        ("info@Bücher.example", "info@xn--bcher-kva.example"),
        ("info@xn--bcher-kva.example", "info@xn--bcher-kva.example"),
        ("info@BÜCHER.example", "info@xn--bcher-kva.example"),
        ("info@straße.example", "info@xn--strae-oqa.example"),
        ("info@例子。公司", "info@xn--fsqu00a.xn--55qx5d"),
        ("liên.hệ@cửa-hàng.example", "liên.hệ@xn--ca-hng-lta4562d.example"),
        ("lie\u0302n@example.org", "liên@example.org"),
        ("o'hara+x@example.org", "o'hara+x@example.org"),
        ("a@xn--i-7iq.example", "a@xn--i-7iq.example"),
    ],
)
def test_each_mailbox_has_one_spelling(written: str, stored: str) -> None:
    assert normalise(written) == stored


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("info", 'needs a name, an "@" and a domain'),
        ("@example.org", "needs a name"),
        ("info@", "needs a name"),
        ("info@example", "looks like example.org"),
        ("info@192.0.2.1", "looks like example.org"),
        ("info@[192.0.2.1]", "write it bare"),
        ("info@exa mple.org", "write it bare"),
        ("Anna <info@example.org>", "write it bare"),
        ("a@example.org, b@example.org", "more than one"),
        ("a@example.org;b@example.org", "more than one"),
        ("a@example.org b@example.org", "more than one"),
        ("a@b@example.org", "cannot stand before"),
        (".info@example.org", "cannot stand before"),
        ("in..fo@example.org", "cannot stand before"),
        ("info@-example.org", "cannot be a part"),
        ("info@example..org", "cannot be a part"),
        ("info@ex*ample.org", "cannot be a part"),
        ("info@" + "a" * 64 + ".org", "cannot be a part"),
        ("info@☃.example", "not a domain name"),
        ("info@xn--99999999999.example", "cannot be a part"),
        ("info\r\nBcc: x@example.org", "cannot be seen"),
        ("in\u200bfo@example.org", "cannot be seen"),
        ("a" * 65 + "@example.org", "longer"),
        ("a@" + ".".join(["b" * 60] * 5) + ".org", "longer|not a domain name"),
        ("http://example.org", "write it bare"),
    ],
)
def test_nonsense_is_refused_with_the_reason(written: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        normalise(written)


@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_is_taken_stays_as_it_is(local: str, domain: str) -> None:
    for written in (f"{local}@{domain}", f"{local}@{domain}.example", f"a{local}@shop.example"):
        try:
            stored = normalise(written)
        except ValueError:
            continue
        assert normalise(stored) == stored
        assert normalise(f" {stored.upper()} ".replace("SS", "ss")).count("@") == 1
        assert domain_of(stored).isascii()
        assert not set(stored) & set('\r\n\t <>,;"')


@given(st.from_regex(r"[a-zà-öø-ž一-丁]{1,12}", fullmatch=True))
def test_both_spellings_of_a_domain_are_one(label: str) -> None:
    try:
        stored = ascii_domain(f"{label}.example")
    except ValueError:
        return  # a few letters are not allowed in domains
    assert ascii_domain(stored) == stored
    assert ascii_domain(f"{label}.EXAMPLE.") == stored
