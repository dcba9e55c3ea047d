"""The running API against its own description: schemathesis with every check, by chance and seed.

It sends examples, edge cases, what the schemas forbid, and chains of requests along the links, as
two merchants who must not see each other's objects. The seed is in what it prints, and
`PAYMENT_DR_CONFORMANCE_SEED` repeats one; `PAYMENT_DR_CONFORMANCE_S` is how long it goes on.
"""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from payment_dr.adapters.settings_file import example
from payment_dr.functions.routes import ROUTES
from payment_dr.lab.supervisor import Lab

pytestmark = [pytest.mark.lab, pytest.mark.drill, pytest.mark.timeout(400)]

DURATION_S: Final = os.environ.get("PAYMENT_DR_CONFORMANCE_S", "30")
SEED: Final = os.environ.get("PAYMENT_DR_CONFORMANCE_SEED") or str(random.randrange(2**32))
PEERS: Final = ("merchant-0", "merchant-1")

SETTINGS: Final = """
hooks = "conformance_hooks"

[auth.wfc]
path = "auth.json"
user = "merchant-0"
peers = ["merchant-0", "merchant-1"]

# What fits the schemas may still be declined (402), be about what is not there (404), be under way
# (409), or be impossible (422). It is never 400, and nothing at all is 5xx.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "402", "404", "409", "422"]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "404", "405", "415", "422"]

[checks.not_a_server_error]
expected-statuses = ["2xx", "4xx"]

# Nobody but the provider can sign what fits the schema.
[[operations]]
include-operation-id = "receiveProviderEvent"
checks.positive_data_acceptance.expected-statuses = ["400"]
"""


@pytest.fixture(name="lab", scope="module")
def lab_fixture() -> Iterator[Lab]:
    with Lab(example("development"), schedules={}) as lab:
        yield lab


@pytest.fixture(name="url", scope="module")
def url_fixture(lab: Lab) -> str:
    return f"http://{lab.addresses.link_address['east']}:{lab.addresses.api_port}"


def schemathesis(
    lab: Lab, url: str, directory: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    """Run it in a directory of its own, where it keeps what it writes."""
    users = [
        {
            "name": merchant,
            "fixedHeaders": [
                {"name": "Authorization", "value": f"Bearer {lab.merchant_keys[merchant]}"}
            ],
        }
        for merchant in PEERS
    ]
    (directory / "auth.json").write_text(json.dumps({"auth": users}))
    (directory / "schemathesis.toml").write_text(SETTINGS)
    program = str(Path(sys.executable).with_name("schemathesis"))
    return subprocess.run(
        [
            *(program, "run", f"{url}/v1/openapi.json"),
            *("--url", url, "--checks", "all", "--max-time", DURATION_S, "--seed", SEED),
            *("--continue-on-failure", "--no-color", "--generation-database", "none"),
            *options,
        ],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )


def log_lines(lab: Lab) -> list[str]:
    """All that the API has logged so far."""
    return (lab.directory / "logs" / "api-east.log").read_text().splitlines()


def answered(lines: list[str]) -> Counter[tuple[str, str, int]]:
    """How often each method and path was answered with each status, by lines of the API's log."""
    found: Counter[tuple[str, str, int]] = Counter()
    for line in lines:
        if line.startswith("{") and (record := json.loads(line)).get("message") == "request":
            found[record["method"], record["path"], record["status"]] += 1
    return found


def test_the_running_api_keeps_to_its_description(lab: Lab, url: str, tmp_path: Path) -> None:
    before = len(log_lines(lab))  # The other test, which cuts the site off, may have run first.
    result = schemathesis(lab, url, tmp_path)
    sys.stdout.write(result.stdout)
    sys.stdout.write(f"PAYMENT_DR_CONFORMANCE_SEED={SEED}\n")
    assert result.returncode == 0, result.stdout[-8_000:] + result.stderr[-2_000:]
    statuses = answered(log_lines(lab)[before:])
    assert not [key for key in statuses if key[2] >= 500]
    for route in ROUTES:
        succeeded = sum(statuses[route.method, route.path, status] for status in route.answers)
        assert succeeded, f"{route.operation_id} never succeeded: the run proves nothing of it"


def test_a_server_error_would_be_found(lab: Lab, url: str, tmp_path: Path) -> None:
    """Cut off from the majority, the site can read no key: whatever it is asked is a 503."""
    lab.isolate("east", isolated=True)
    lab.set_link("client->east", mode="pass")
    try:
        result = schemathesis(lab, url, tmp_path, "--max-failures", "1")
    finally:
        lab.isolate("east", isolated=False)
    assert result.returncode == 1
    assert "503" in result.stdout
