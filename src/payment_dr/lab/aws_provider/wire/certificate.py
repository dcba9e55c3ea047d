"""The certificate by which Terraform calls the stand-in; Terraform learns it from the handshake.

It is kept for some hours, since importing what makes one takes as long as all else that a process
does before it can answer. Whoever can read the file can enter the directory of the socket too: the
certificate keeps nobody out, Terraform just demands one.
"""

import importlib
from dataclasses import dataclass
from typing import Final

from payment_dr.lab.aws_provider.kept_file import kept

_MAKER: Final = "payment_dr.lab.aws_provider.wire.signing"
_KEPT_S: Final = 12 * 3600.0
_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"
_END: Final = b"-----END CERTIFICATE-----"


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """A private key and its certificate, one after the other in PEM."""

    pem: bytes

    @property
    def encoded(self) -> str:
        """The certificate as the handshake has it: base64 of its DER without padding."""
        body = self.pem.partition(_BEGIN)[2].partition(_END)[0]
        return b"".join(body.split()).decode().rstrip("=")


def certificate() -> Certificate:
    """The kept certificate, or a new one.

    Raises:
        OSError: the cache directory cannot be written.
    """

    def make() -> bytes:
        made: bytes = importlib.import_module(_MAKER).self_signed()
        return made

    return Certificate(pem=kept("certificate", make, _KEPT_S))
