"""Addresses of names by the system's name servers, within a given time."""

from collections.abc import Callable, Sequence

from dns.exception import DNSException
from dns.resolver import Resolver

from payment_dr.core.errors import UnavailableError


def resolving(resolver: Callable[[], Resolver] = Resolver) -> Callable[[str, float], Sequence[str]]:
    """A function of a name and seconds that gives its addresses, IPv4 first.

    Args:
        resolver: made anew for each question, so that the system's configuration is read then.
    """

    def addresses(name: str, timeout_s: float) -> Sequence[str]:
        """The addresses of a name; UnavailableError when there are none or no server answers."""
        try:
            found = resolver().resolve_name(name, lifetime=timeout_s)
            return sorted(set(found.addresses()), key=lambda address: (":" in address, address))
        except DNSException as error:
            raise UnavailableError(f"{name} is not resolved: {type(error).__name__}") from error

    return addresses
