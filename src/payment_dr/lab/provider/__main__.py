"""`python -m payment_dr.lab.provider --directory DIR`: the payment provider of a lab."""

import sys

from payment_dr.lab.http_server import HttpServer
from payment_dr.lab.provider.service import Provider
from payment_dr.lab.provider.store import Store
from payment_dr.lab.stand_in import Place, main


async def serve(place: Place) -> None:
    """Open every port of the stand-in."""
    provider = Provider(Store(place.directory / "provider.sqlite"))
    await HttpServer(place.addresses.provider_port, provider.serve).open()


if __name__ == "__main__":
    sys.exit(main(serve, sys.argv[1:]))
