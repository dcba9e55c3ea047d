"""The environment that a site's functions get: as on AWS, plus where the lab's stand-ins are."""

import json
from pathlib import Path

from payment_dr.core.settings import Settings
from payment_dr.lab.addresses import LOOPBACK, Addresses
from payment_dr.lab.aws_resources import ACCESS_KEY, evidence_bucket
from payment_dr.lab.directory import environment_file, read_settings


def aws_endpoint(addresses: Addresses, region: str) -> str:
    """URL of a region's AWS APIs."""
    return f"http://{LOOPBACK}:{addresses.aws_port[region]}"


def function_environment(settings: Settings, addresses: Addresses, site: str) -> dict[str, str]:
    """Variables for functions at that site; no secret is among them."""
    return {
        "PAYMENT_DR_SITE": settings.site(site).name,
        "PAYMENT_DR_SETTINGS": settings.model_dump_json(),
        "PAYMENT_DR_EVIDENCE_BUCKET": evidence_bucket(settings, site),
        **lab_addresses(settings, addresses, site),
    }


def environment_in(directory: Path, site: str) -> dict[str, str]:
    """Variables for functions at that site of the lab in a directory, as deployed if they are."""
    deployed = environment_file(directory, site)
    if deployed.is_file():
        variables: dict[str, str] = json.loads(deployed.read_bytes())
        return variables
    return function_environment(read_settings(directory), Addresses.read(directory), site)


def lab_addresses(settings: Settings, addresses: Addresses, site: str) -> dict[str, str]:
    """The variables that say where the lab's stand-ins are for functions at that site."""
    own, peer = settings.site(site), settings.peer(site)

    peer_ledger = addresses.link(f"pg:{own.name}->{peer.name}")

    def link_url(name: str) -> str:
        link = addresses.link(name)
        return f"http://{link.listen_host}:{link.listen_port}"

    return {
        "AWS_REGION": own.region,
        "AWS_ENDPOINT_URL": aws_endpoint(addresses, own.region),
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": ACCESS_KEY,
        "PAYMENT_DR_LEDGER_HOST": LOOPBACK,
        "PAYMENT_DR_LEDGER_PORT": str(addresses.postgres_port[own.name]),
        "PAYMENT_DR_PEER_LEDGER_HOST": peer_ledger.listen_host,
        "PAYMENT_DR_PEER_LEDGER_PORT": str(peer_ledger.listen_port),
        "PAYMENT_DR_PROVIDER_URL": link_url(f"{own.name}->provider"),
        "PAYMENT_DR_PEER_HEALTH_URL": link_url(f"{own.name}->{peer.name}") + "/health",
        "PAYMENT_DR_OWN_URL": link_url(f"client->{own.name}"),
        "PAYMENT_DR_DNS": f"{LOOPBACK}:{addresses.dns_port}",
    }
