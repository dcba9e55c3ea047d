"""What Route 53 is told about the two answers, as the network's control takes it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from payment_dr.core.settings import ProbeSettings


class Routing(BaseModel):
    """Probes of both sites, and the time to live of the answer in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    probes: ProbeSettings
    ttl_s: Annotated[int, Field(ge=0)]
