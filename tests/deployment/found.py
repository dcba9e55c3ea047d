"""A deployment as its tests see it: its outputs, AWS, and what its functions are told."""

import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from payment_dr.adapters.function_call import ALIAS
from payment_dr.core.settings import Settings, SiteSettings
from payment_dr.functions.catalogue import FUNCTIONS
from payment_dr.infra.place import Place

OUTPUTS = "PAYMENT_DR_OUTPUTS"
"""Names the file of outputs; `cfn-outputs/flat-outputs.json` if absent."""

LAB_ENDPOINTS = "PAYMENT_DR_LAB_ENDPOINTS"
"""Names the file that says where a lab answers instead of AWS; absent on AWS."""

_API_S = 40
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=20,
    retries={"total_max_attempts": 3, "mode": "standard"},
    s3={"addressing_style": "path"},
)


def outputs_file() -> Path:
    """Where the outputs are, or would be."""
    return Path(os.environ.get(OUTPUTS, "cfn-outputs/flat-outputs.json"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What an API answered."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A deployment.

    Attributes:
        outputs: of all stacks, flat.
        endpoints: of a lab; empty on AWS.
    """

    outputs: dict[str, Any]
    endpoints: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls) -> "Deployment":
        """From the files that the environment names."""
        lab = os.environ.get(LAB_ENDPOINTS)
        endpoints = json.loads(Path(lab).read_bytes()) if lab else {}
        return cls(outputs=json.loads(outputs_file().read_bytes()), endpoints=endpoints)

    @property
    def settings(self) -> Settings:
        """What was deployed, as the deployed functions are told it."""
        return _settings(self)

    @property
    def sites(self) -> tuple[SiteSettings, ...]:
        """Both sites, home first."""
        home = self.settings.home
        return (self.settings.site(home), self.settings.peer(home))

    @property
    def home(self) -> SiteSettings:
        """The home site."""
        return self.sites[0]

    @property
    def peer(self) -> SiteSettings:
        """The other one."""
        return self.sites[1]

    def place(self, site: SiteSettings) -> Place:
        """Names and ARNs of a site."""
        return Place(settings=self.settings, site=site)

    def of(self, site: SiteSettings, thing: str) -> Any:
        """An output of a site's stack, e.g. `StateMachineArn`."""
        stack = "".join(part.capitalize() for part in site.name.split("-"))
        return self.outputs[f"{stack}{thing}"]

    def client(self, service: str, region: str) -> Any:
        """A boto3 client, `service` by boto3's name."""
        url = self.endpoints["aws"][region] if self.endpoints else None
        keys = {"aws_access_key_id": "lab", "aws_secret_access_key": "lab"} if url else {}
        return _session().client(
            service, region_name=region, endpoint_url=url, config=_CONFIG, **keys
        )

    def secret(self, thing: str, site: SiteSettings) -> dict[str, str]:
        """Content of a site's copy of a secret."""
        client = self.client("secretsmanager", site.region)
        found = client.get_secret_value(SecretId=self.settings.resource(thing))
        content: dict[str, str] = json.loads(found["SecretString"])
        return content

    def function(self, name: str, site: SiteSettings) -> Any:
        """A function's configuration behind its alias."""
        client = self.client("lambda", site.region)
        return client.get_function_configuration(
            FunctionName=self.settings.resource(name, site.name), Qualifier=ALIAS
        )

    def call(
        self,
        site: SiteSettings,
        path: str,
        body: Any = None,
        *,
        key: str = "",
        api_key: str | None = None,
    ) -> Answer:
        """A request to the site's own API, as its canary unless another key is given.

        Args:
            site: whose API.
            path: e.g. `/v1/payments`.
            body: makes it a POST.
            key: the idempotency key.
            api_key: of a merchant.
        """
        api_key = api_key or self.secret("canary", site)["api_key"]
        base = self.endpoints["api"][site.name] if self.endpoints else self.of(site, "ApiUrl")
        # The address comes from the outputs of the deployment.
        request = urllib.request.Request(  # noqa: S310 - as above
            f"{base}{path}",
            method="GET" if body is None else "POST",
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {api_key}",
                "Content-Type": "application/json",
                **({"Idempotency-Key": key} if key else {}),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=_API_S) as answer:  # noqa: S310 - as above
                return Answer(status=answer.status, body=json.loads(answer.read() or b"{}"))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(status=error.code, body=json.loads(error.read() or b"{}"))


@cache
def _session() -> Any:
    return boto3.session.Session()


_KNOWN: dict[int, Settings] = {}


def _settings(deployment: Deployment) -> Settings:
    """From the variables of any function that the outputs name."""
    if id(deployment) not in _KNOWN:
        name = FUNCTIONS[0].name.capitalize()
        prefix = next(k for k in deployment.outputs if k.endswith(f"{name}FunctionName"))
        stack = prefix.removesuffix(f"{name}FunctionName")
        region = deployment.outputs[f"{stack}StateMachineArn"].split(":")[3]
        found = deployment.client("lambda", region).get_function_configuration(
            FunctionName=deployment.outputs[prefix], Qualifier=ALIAS
        )
        variables = found["Environment"]["Variables"]
        _KNOWN[id(deployment)] = Settings.model_validate_json(variables["PAYMENT_DR_SETTINGS"])
    return _KNOWN[id(deployment)]
