"""`python -m payment_dr.lab.aws --directory DIR`: the AWS endpoints of a lab."""

from payment_dr.lab.aws.cloud import Cloud
from payment_dr.lab.aws.control import Control
from payment_dr.lab.aws.rds import SupervisorDatabases
from payment_dr.lab.http_server import HttpServer
from payment_dr.lab.stand_in import Place, run


async def _serve(place: Place) -> None:
    cloud = Cloud(
        place.settings,
        dict(place.addresses.aws_port),
        SupervisorDatabases(
            place.addresses.control_port, place.settings.failover.budgets.promote_s
        ),
    )
    await cloud.open()
    await HttpServer(place.addresses.aws_control_port, Control(cloud).serve).open()


if __name__ == "__main__":
    run(_serve)
