"""Signs mails as a business's server does: DKIM with RSA or Ed25519, and ARC as a forwarder does."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import dkim
from dkim.canonicalization import Relaxed
from nacl.signing import SigningKey


@dataclass(frozen=True)
class Signer:
    """A key of a domain under a selector, and the record that publishes it."""

    domain: str
    selector: str
    private: bytes
    record: str
    algorithm: bytes = b"rsa-sha256"

    @property
    def name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"

    def signs(self, mail: bytes) -> bytes:
        """The mail with a DKIM-Signature on top."""
        made = dkim.DKIM(mail, signature_algorithm=self.algorithm)
        fields = [b"from", b"to", b"subject", b"message-id"]
        return bytes(
            made.sign(
                self.selector.encode(), self.domain.encode(), self.private, include_headers=fields,
                canonicalize=(b"relaxed", b"relaxed"),
            )
        ) + mail  # fmt: skip

    def seals(self, mail: bytes, *, cv: str = "none", until: int | None = None) -> bytes:
        """The mail with a first ARC set on top (RFC 8617, section 5.1); `until`: its x=, seconds since 1970."""
        head, _, body = mail.partition(b"\r\n\r\n")
        fields = [tuple(one.split(b":", 1)) for one in re.sub(rb"\r\n[ \t]+", b" ", head).split(b"\r\n")]
        results = b"i=1; " + self.domain.encode() + b"; none"
        whole = base64.b64encode(hashlib.sha256(Relaxed.canonicalize_body(body)).digest())
        tags = b"d=" + self.domain.encode() + b"; s=" + self.selector.encode()
        tags += b"" if until is None else b"; x=%d" % until
        message = b"i=1; a=rsa-sha256; c=relaxed/relaxed; " + tags + b"; h=from:subject; bh=" + whole + b"; b="
        chosen = [next(one for one in fields if one[0].lower() == name) for name in (b"from", b"subject")]
        message += self._over([*chosen, (b"ARC-Message-Signature", b" " + message)])
        seal = b"i=1; a=rsa-sha256; " + tags + b"; cv=" + cv.encode() + b"; b="
        seal += self._over(
            [
                (b"ARC-Authentication-Results", b" " + results),
                (b"ARC-Message-Signature", b" " + message),
                (b"ARC-Seal", b" " + seal),
            ]
        )
        names = (b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results")
        made = b"".join(
            name + b": " + value + b"\r\n" for name, value in zip(names, (seal, message, results), strict=True)
        )
        return made + mail

    def _over(self, fields: list[tuple[bytes, ...]]) -> bytes:
        lines = Relaxed.canonicalize_headers([(name, value + b"\r\n") for name, value in fields])
        text = b"".join(name + b":" + value for name, value in lines).rstrip()
        hashed = hashlib.sha256(text)
        return base64.b64encode(dkim.RSASSA_PKCS1_v1_5_sign(hashed, dkim.parse_pem_private_key(self.private)))


@cache
def rsa(domain: str, selector: str = "s1", *, bits: int = 2048) -> Signer:
    """A fresh RSA key."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "key.pem"
        _openssl("genrsa", "-out", str(file), str(bits))
        public = _openssl("rsa", "-in", str(file), "-pubout", "-outform", "DER")
        record = f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
        return Signer(domain, selector, file.read_bytes(), record)


@cache
def ed25519(domain: str, selector: str = "e1") -> Signer:
    """A fresh Ed25519 key (RFC 8463)."""
    key = SigningKey.generate()
    record = f"v=DKIM1; k=ed25519; p={base64.b64encode(bytes(key.verify_key)).decode()}"
    return Signer(domain, selector, base64.b64encode(bytes(key)), record, b"ed25519-sha256")


def _openssl(*args: str) -> bytes:
    return subprocess.run(["openssl", *args], check=True, capture_output=True).stdout
