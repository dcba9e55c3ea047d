"""Where everything of one lab listens: loopback addresses and ports, chosen once, read by all.

A lab takes a whole block of neighbouring ports. It claims the block by listening on the first
one, the supervisor's control port, and keeps that socket for its lifetime: the kernel then lets
no second lab have the block, and frees it at whatever end. The blocks lie below the range that
Linux hands to outgoing connections (32768 and up).
"""

import errno
import json
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final, Self

from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import Settings, SiteSettings

LOOPBACK: Final = "127.0.0.1"
BLOCK_PORTS: Final = 32
_BLOCK_BASES: Final = range(20_000, 32_000, BLOCK_PORTS)
_CLAIMS_MAX: Final = 64
_FILE: Final = "lab.json"
_CONNECT_TIMEOUT_S: Final = 1.0


class AddressError(PaymentDrError):
    """An address cannot be used: it is taken, or the machine does not have it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkSpec:
    """One caller's way to one target; `delay_ms` is one way and is added in both directions."""

    name: str
    listen_host: str
    listen_port: int
    target_host: str
    target_port: int
    delay_ms: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Addresses:
    """Every address of a lab. Maps are by site name, `aws_port` by region (witness included).

    `api_target` is each site's host of the HTTP API, `task_port` its host of all functions.

    `api_port` is one number on the address of each site, `link_address[site]`, so that a DNS
    answer alone decides which site a client reaches. `evidence_port` is for an old ledger that
    is started alone, to be read.
    """

    api_port: int
    api_target: Mapping[str, tuple[str, int]]
    link_address: Mapping[str, str]
    aws_port: Mapping[str, int]
    aws_control_port: int
    dns_port: int
    network_control_port: int
    provider_port: int
    postgres_port: Mapping[str, int]
    evidence_port: int
    task_port: Mapping[str, int]
    control_port: int
    links: tuple[LinkSpec, ...]

    def link(self, name: str) -> LinkSpec:
        """The link of that name; KeyError if there is none."""
        return {spec.name: spec for spec in self.links}[name]

    def to_json(self) -> str:
        """The form that `from_json` reads."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        raw: dict[str, Any] = json.loads(text)
        raw["api_target"] = {site: (host, port) for site, (host, port) in raw["api_target"].items()}
        raw["links"] = tuple(LinkSpec(**spec) for spec in raw["links"])
        return cls(**raw)

    def write(self, directory: Path) -> None:
        """Write `lab.json` into a lab's directory; readers see all of it or nothing."""
        partial = directory / f".{_FILE}"
        partial.write_text(self.to_json(), encoding="utf-8")
        partial.replace(directory / _FILE)

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Read `lab.json` of a lab's directory."""
        return cls.from_json((directory / _FILE).read_text(encoding="utf-8"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A block of ports that is ours while `control`, listening on `control_port`, stays open."""

    addresses: Addresses
    control: socket.socket

    def release(self) -> None:
        """Give the block back."""
        self.control.close()


def claim_addresses(settings: Settings, rng: Random) -> Claim:
    """Claim a free block of ports.

    Raises:
        AddressError: when none of 64 random blocks is free, naming the last port in the way.
    """
    last: AddressError | None = None
    for base in rng.sample(_BLOCK_BASES, _CLAIMS_MAX):
        addresses = addresses_from(settings, base)
        try:
            return Claim(addresses=addresses, control=_claim(addresses))
        except AddressError as error:
            last = error
    raise AddressError(
        f"none of {_CLAIMS_MAX} blocks of {BLOCK_PORTS} ports between {_BLOCK_BASES.start} and "
        f"{_BLOCK_BASES.stop} is free: {last}",
        remedy="end the processes that hold them; 'payment-dr lab down' ends a lab",
    )


def choose_addresses(settings: Settings, rng: Random) -> Addresses:
    """Addresses that were free a moment ago, for parts of a lab that run without a supervisor."""
    claim = claim_addresses(settings, rng)
    claim.release()
    return claim.addresses


def addresses_from(settings: Settings, base: int) -> Addresses:
    """Lay a lab out over the ports from `base` on."""
    take = count(base).__next__
    sites: list[str] = [site.name for site in settings.sites]
    regions = [*(site.region for site in settings.sites), settings.witness_region]
    addresses = Addresses(
        control_port=take(),
        api_port=take(),
        api_target={site: (LOOPBACK, take()) for site in sites},
        link_address={site: f"127.0.{i}.1" for i, site in enumerate(sites, start=1)},
        aws_port={region: take() for region in regions},
        aws_control_port=take(),
        dns_port=take(),
        network_control_port=take(),
        provider_port=take(),
        postgres_port={site: take() for site in sites},
        evidence_port=take(),
        task_port={site: take() for site in sites},
        links=(),
    )
    return replace(addresses, links=tuple(_links(settings, addresses, take)))


def require_free(host: str, port: int, *, datagram: bool = False) -> None:
    """Bind and let go.

    Raises:
        AddressError: when the port is in use or the machine lacks the address.
    """
    kind = socket.SOCK_DGRAM if datagram else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        _occupy(probe, host, port)


def accepts(port: int) -> bool:
    """Whether something on loopback takes connections at the port."""
    with suppress(OSError), socket.create_connection((LOOPBACK, port), _CONNECT_TIMEOUT_S):
        return True
    return False


def _links(settings: Settings, addresses: Addresses, take: Callable[[], int]) -> Iterator[LinkSpec]:
    for site in settings.sites:
        host, target_port = addresses.api_target[site.name]
        yield LinkSpec(
            name=f"client->{site.name}",
            listen_host=addresses.link_address[site.name],
            listen_port=addresses.api_port,
            target_host=host,
            target_port=target_port,
            delay_ms=settings.lab.client_delay_ms,
        )
        for name, target_port, delay_ms in _inner_links(site, settings, addresses):
            yield LinkSpec(
                name=name,
                listen_host=LOOPBACK,
                listen_port=take(),
                target_host=LOOPBACK,
                target_port=target_port,
                delay_ms=delay_ms,
            )


def _inner_links(
    site: SiteSettings, settings: Settings, addresses: Addresses
) -> tuple[tuple[str, int, float], ...]:
    """(name, target port, delay) of what the prober and the site itself call."""
    lab, peer = settings.lab, settings.peer(site.name)
    own_api, peer_api = (addresses.api_target[s.name][1] for s in (site, peer))
    return (
        (f"prober->{site.name}", own_api, lab.client_delay_ms),
        (f"{site.name}->{peer.name}", peer_api, lab.majority_delay_ms),
        (f"{site.name}->provider", addresses.provider_port, lab.provider_delay_ms),
        (
            f"pg:{site.name}->{peer.name}",
            addresses.postgres_port[peer.name],
            lab.replication_delay_ms,
        ),
    )


def _claim(addresses: Addresses) -> socket.socket:
    control = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        _occupy(control, LOOPBACK, addresses.control_port)
        for host, port in _listeners(addresses):
            require_free(host, port)
        require_free(LOOPBACK, addresses.dns_port, datagram=True)
    except BaseException:
        control.close()
        raise
    return control


def _listeners(addresses: Addresses) -> Iterable[tuple[str, int]]:
    yield from addresses.api_target.values()
    yield from ((link.listen_host, link.listen_port) for link in addresses.links)
    for port in (
        *addresses.aws_port.values(),
        addresses.aws_control_port,
        addresses.dns_port,
        addresses.network_control_port,
        addresses.provider_port,
        *addresses.postgres_port.values(),
        addresses.evidence_port,
        *addresses.task_port.values(),
    ):
        yield LOOPBACK, port


def _occupy(sock: socket.socket, host: str, port: int) -> None:
    """Bind, and listen if it is a stream: sockets that only bound would share the port."""
    try:
        if sock.type is socket.SOCK_STREAM:
            # Connections in TIME_WAIT of a lab that has just left do not hold the port.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
            sock.listen()
        else:
            sock.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressError(
                f"port {port} is in use on {host}",
                remedy=f"end the process that holds it (ss -ltnp 'sport = :{port}')",
            ) from error
        raise AddressError(
            f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}",
            remedy="the lab needs the addresses 127.0.0.1, 127.0.1.1 and 127.0.2.1 on loopback",
        ) from error
