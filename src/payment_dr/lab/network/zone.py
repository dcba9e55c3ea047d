"""The name server's one zone: packets in, packets out, nothing kept.

It is authoritative for the parent domain of `settings.dns.name`: the name itself has an A record,
every other name of the domain does not exist, and names elsewhere are refused.
"""

import struct
from collections.abc import Callable
from typing import Final

from dns.exception import DNSException
from dns.flags import Flag
from dns.message import Message, from_wire, make_response
from dns.name import from_text as name_from_text
from dns.opcode import Opcode
from dns.rcode import Rcode
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dns.rrset import from_text as rrset_from_text

from payment_dr.core.settings import DnsSettings

PACKET_MAX_BYTES: Final = 4096
"""Longer questions are not looked at: a name has at most 255 bytes."""

_HEADER: Final = struct.Struct("!HHHHHH")


class Zone:
    """Answers one packet at a time.

    Args:
        settings: the name and its time to live at first; `ttl_s` may be replaced.
        address: the IPv4 address that the name has now.
    """

    def __init__(self, settings: DnsSettings, address: Callable[[], str]) -> None:
        self._name = name_from_text(settings.name)
        self._domain = self._name.parent()
        self.ttl_s = settings.ttl_s
        self._address = address

    def respond(self, packet: bytes) -> bytes | None:
        """The packet to send back; None for what no server answers (responses, and scraps)."""
        if not _HEADER.size <= len(packet) <= PACKET_MAX_BYTES:
            return None
        request_id, flags, *_ = _HEADER.unpack_from(packet)
        if flags & Flag.QR:
            return None
        try:
            request = from_wire(packet)
            reply = make_response(request)
        except DNSException:
            return _HEADER.pack(request_id, Flag.QR | Rcode.FORMERR, 0, 0, 0, 0)
        code = self._code(request)
        reply.set_rcode(code)
        if code in (Rcode.NOERROR, Rcode.NXDOMAIN):
            reply.flags |= Flag.AA
        if code is Rcode.NOERROR and request.question[0].rdtype in (RdataType.A, RdataType.ANY):
            name = request.question[0].name
            reply.answer.append(rrset_from_text(name, self.ttl_s, "IN", "A", self._address()))
        return reply.to_wire()

    def _code(self, request: Message) -> Rcode:
        if request.opcode() is not Opcode.QUERY:
            return Rcode.NOTIMP
        if len(request.question) != 1:
            return Rcode.FORMERR
        question = request.question[0]
        if question.rdclass != RdataClass.IN or not question.name.is_subdomain(self._domain):
            return Rcode.REFUSED
        return Rcode.NOERROR if question.name == self._name else Rcode.NXDOMAIN
