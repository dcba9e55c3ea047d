"""Where a move ran, under which settings and code, for its report."""

from collections.abc import Mapping
from dataclasses import dataclass

from payment_dr.core.settings import Objectives
from payment_dr.core.stamp import SiteName


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What the ports of a site belong to.

    Attributes:
        platform: `aws`, or `lab`: whose seconds are never AWS's.
        environment: the suffix of its resources' names.
        site: where the plan runs.
        regions: of both sites.
        settings_sha256: of the settings as canonical JSON.
        code_sha256: of the project's modules that a move consists of.
        objectives: what is promised.
        detection_s: longest time from a failure to the probe that decides.
    """

    platform: str
    environment: str
    site: SiteName
    regions: Mapping[SiteName, str]
    settings_sha256: str
    code_sha256: str
    objectives: Objectives
    detection_s: float
