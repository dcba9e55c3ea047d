"""Where clients are sent: the zone's own answer, and real requests.

The answer is asked of the zone's name servers, never of a resolver that may have kept an old one.
It names this site when it shares an address with the site's own name; with two sites, any other
answer names the peer.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from dns.exception import DNSException
from dns.message import make_query
from dns.query import udp_with_fallback
from dns.rdatatype import RdataType
from dns.resolver import Resolver, zone_for_name

from payment_dr.adapters.http_call import call
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import SiteName

DNS_S: Final = 0.5
"""Time-out of one question to one name server."""

HEALTH_S: Final = 1.0
"""Time-out of one request to a site's `/health`."""

_PORT: Final = 53

Servers = Callable[[], list[tuple[str, int]]]


class ZoneAnswer:
    """Asks a zone's own name servers for addresses.

    Args:
        servers: addresses and ports of the zone's name servers.
    """

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def addresses(self, name: str) -> frozenset[str]:
        """The IPv4 addresses of the name; empty when no server answers or there are none."""
        question = make_query(name, RdataType.A)
        for host, port in self._servers():
            try:
                answer, _ = udp_with_fallback(question, host, timeout=DNS_S, port=port)
            except (DNSException, OSError):
                continue
            found: list[Any] = [rrset for rrset in answer.answer if rrset.rdtype == RdataType.A]
            return frozenset(str(record) for rrset in found for record in rrset)
        return frozenset()


def name_servers_of(name: str, resolver: Resolver) -> Servers:
    """Finds the name servers of the zone that the name is in, once, by a resolver."""
    found: list[tuple[str, int]] = []

    def servers() -> list[tuple[str, int]]:
        if not found:
            try:
                zone = zone_for_name(name, resolver=resolver, lifetime=DNS_S)
                names = [str(ns) for ns in resolver.resolve(zone, "NS", lifetime=DNS_S)]
                found.extend(
                    (str(address), _PORT)
                    for server in names
                    for address in resolver.resolve(server, "A", lifetime=DNS_S)
                )
            except DNSException:
                found.clear()
        return list(found)

    return servers


@dataclass(frozen=True, kw_only=True, slots=True)
class DnsRouting:
    """`recovery.ports.Routing` as seen from one site.

    Attributes:
        site: where this runs.
        peer: the other site.
        name: what clients resolve.
        zone: the zone's own name servers.
        own_url: the site's own API, by a name or address that is its alone.
        peer_health_url: the other site's `/health`; None if it cannot be reached from here.
    """

    site: SiteName
    peer: SiteName
    name: str
    zone: ZoneAnswer
    own_url: str
    peer_health_url: str | None

    def answer(self) -> SiteName | None:
        """Which site the zone answers with now."""
        answered = self.zone.addresses(self.name)
        if not answered:
            return None
        return self.site if answered & self._own_addresses() else self.peer

    def healthy(self, site: SiteName) -> bool:
        """One real request."""
        url = f"{self.own_url}/health" if site == self.site else self.peer_health_url
        if url is None:
            return False
        try:
            return call("GET", url, timeout_s=HEALTH_S).status == HTTPStatus.OK
        except UnavailableError:
            return False

    def _own_addresses(self) -> frozenset[str]:
        host = urlsplit(self.own_url).hostname or ""
        try:
            return frozenset({str(ipaddress.ip_address(host))})
        except ValueError:
            return self.zone.addresses(host)
