"""A client's caching resolver: it asks the name server once per time to live."""

import asyncio
from typing import TYPE_CHECKING, Final, cast

import dns.asyncquery
from dns.exception import DNSException
from dns.message import make_query
from dns.rcode import Rcode
from dns.rdatatype import RdataType

from payment_dr.core.errors import UnavailableError
from payment_dr.lab.addresses import LOOPBACK

if TYPE_CHECKING:
    from dns.rdata import Rdata

_QUERY_TIMEOUT_S: Final = 1
_TRIES: Final = 2


class CachingResolver:
    """The A record of one name, kept for as long as its TTL says and no longer."""

    def __init__(self, name: str, port: int) -> None:
        self._name = name
        self._port = port
        self._address = ""
        self._expires_at = 0.0
        self._asking = asyncio.Lock()

    async def address(self) -> str:
        """The IPv4 address.

        Raises:
            UnavailableError: the name server does not answer, or has no address for the name.
        """
        if not self._fresh:
            async with self._asking:
                if not self._fresh:
                    await self._ask()
        return self._address

    @property
    def _fresh(self) -> bool:
        return asyncio.get_running_loop().time() < self._expires_at

    async def _ask(self) -> None:
        problem = ""
        for _ in range(_TRIES):
            query = make_query(self._name, RdataType.A)
            asked_at = asyncio.get_running_loop().time()
            try:
                answer = await dns.asyncquery.udp(
                    query, LOOPBACK, port=self._port, timeout=_QUERY_TIMEOUT_S
                )
            except (DNSException, OSError) as error:
                problem = str(error) or type(error).__name__
                continue
            if answer.answer:
                rrset = answer.answer[0]
                self._address = cast("list[Rdata]", rrset)[0].to_text()
                self._expires_at = asked_at + rrset.ttl
                return
            problem = Rcode(answer.rcode()).name
        raise UnavailableError(f"{self._name} has no address: {problem}")
