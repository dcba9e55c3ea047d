"""`python -m payment_dr.lab.aws --directory DIR`: the AWS endpoints of a lab."""

import sys

from payment_dr.lab.aws.cloud import Cloud
from payment_dr.lab.aws.control import Control
from payment_dr.lab.aws.invocations import TaskHosts
from payment_dr.lab.aws.rds import SupervisorDatabases
from payment_dr.lab.http_server import HttpServer
from payment_dr.lab.stand_in import Place, main


async def serve(place: Place) -> None:
    """Open every port of the stand-in."""
    cloud = Cloud(
        place.settings,
        dict(place.addresses.aws_port),
        SupervisorDatabases(
            place.addresses.control_port, place.settings.failover.budgets.promote_s
        ),
        TaskHosts(
            {site.region: place.addresses.task_port[site.name] for site in place.settings.sites}
        ).invoke,
    )
    control = HttpServer(place.addresses.aws_control_port, Control(cloud).serve)
    for server in (*cloud.servers.values(), control):
        await server.open()


if __name__ == "__main__":
    sys.exit(main(serve, sys.argv[1:]))
