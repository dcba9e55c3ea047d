import errno
import socket
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from payment_dr.adapters.settings_file import example
from payment_dr.lab import addresses as addresses_module
from payment_dr.lab.addresses import (
    BLOCK_PORTS,
    LOOPBACK,
    AddressError,
    Addresses,
    LinkSpec,
    addresses_from,
    choose_addresses,
    claim_addresses,
    require_free,
)

SETTINGS = example("development")


def own_ports(addresses: Addresses) -> list[int]:
    return [
        addresses.control_port,
        addresses.api_port,
        *(port for _, port in addresses.api_target.values()),
        *addresses.aws_port.values(),
        addresses.aws_control_port,
        addresses.dns_port,
        addresses.network_control_port,
        addresses.provider_port,
        *addresses.postgres_port.values(),
        addresses.evidence_port,
        *addresses.task_port.values(),
        *(link.listen_port for link in addresses.links if not link.name.startswith("client")),
    ]


def test_a_lab_fits_into_its_block_and_uses_no_port_twice() -> None:
    ports = own_ports(addresses_from(SETTINGS, 20_000))
    assert set(Counter(ports).values()) == {1}
    assert min(ports) == 20_000
    assert max(ports) < 20_000 + BLOCK_PORTS


def test_addresses_survive_json(tmp_path: Path) -> None:
    addresses = addresses_from(SETTINGS, 20_000)
    addresses.write(tmp_path)
    assert Addresses.read(tmp_path) == addresses
    assert [path.name for path in tmp_path.iterdir()] == ["lab.json"]


def test_clients_reach_each_site_at_the_same_port_of_its_own_address() -> None:
    addresses = addresses_from(SETTINGS, 20_000)
    assert addresses.link("client->west") == LinkSpec(
        name="client->west",
        listen_host="127.0.2.1",
        listen_port=addresses.api_port,
        target_host=LOOPBACK,
        target_port=addresses.api_target["west"][1],
        delay_ms=0,
    )
    assert addresses.link("client->east").listen_host == "127.0.1.1"


@pytest.mark.parametrize(
    ("name", "delay_ms"),
    [
        ("prober->east", 0),
        ("east->west", 5),
        ("west->provider", 5),
        ("pg:west->east", 100),
    ],
)
def test_each_link_has_the_delay_of_its_distance(name: str, delay_ms: float) -> None:
    assert addresses_from(SETTINGS, 20_000).link(name).delay_ms == delay_ms


def test_the_standby_reaches_the_other_sites_postgresql() -> None:
    addresses = addresses_from(SETTINGS, 20_000)
    assert addresses.link("pg:west->east").target_port == addresses.postgres_port["east"]


def test_two_labs_that_try_the_same_block_first_get_different_ones() -> None:
    one = claim_addresses(SETTINGS, Random(1))
    other = claim_addresses(SETTINGS, Random(1))
    assert not set(own_ports(one.addresses)) & set(own_ports(other.addresses))
    one.release()
    other.release()


def test_a_block_with_a_port_in_use_anywhere_is_passed_over() -> None:
    first = choose_addresses(SETTINGS, Random(2))
    with socket.create_server(("127.0.2.1", first.api_port)):
        second = choose_addresses(SETTINGS, Random(2))
    assert second.api_port != first.api_port
    assert choose_addresses(SETTINGS, Random(2)) == first


def test_the_name_servers_port_must_be_free_for_datagrams_too() -> None:
    first = choose_addresses(SETTINGS, Random(3))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((LOOPBACK, first.dns_port))
        assert choose_addresses(SETTINGS, Random(3)).dns_port != first.dns_port


def test_when_every_block_is_taken_the_error_names_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses_module, "_CLAIMS_MAX", 1)
    claim = claim_addresses(SETTINGS, Random(4))
    with pytest.raises(AddressError, match=f"port {claim.addresses.control_port} is in use"):
        claim_addresses(SETTINGS, Random(4))
    claim.release()


def test_a_port_in_use_is_named_with_what_to_do() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port: int = server.getsockname()[1]
        with pytest.raises(AddressError, match=f"port {port} is in use on 127.0.0.1") as caught:
            require_free(LOOPBACK, port)
    assert f":{port}" in caught.value.remedy
    require_free(LOOPBACK, port)


def test_an_address_that_the_machine_lacks_is_named() -> None:
    with pytest.raises(AddressError, match=r"cannot listen on 192\.0\.2\.1:20000") as caught:
        require_free("192.0.2.1", 20_000)
    assert "127.0.2.1" in caught.value.remedy
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.EADDRNOTAVAIL
