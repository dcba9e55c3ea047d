"""Draw docs/images/stacks.svg from the synthesized stacks: `make docs`.

Foundation lies above both sites, links between them. Each line counts what the stack really has; a
part of which nothing is there is left out.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from payment_dr.adapters.settings_file import example
from payment_dr.core.settings import Settings
from payment_dr.infra.cost.estimate import Stacks
from payment_dr.infra.cost.quantities import synthesized
from payment_dr.infra.deployment_order import FOUNDATION, LINKS

TARGET: Final = Path(__file__).parent / "images" / "stacks.svg"

Parts = tuple[tuple[str, Mapping[str, str]], ...]

_FOUNDATION: Final[Parts] = (
    ("names", {"aws_route53_zone": "zone", "aws_apigatewayv2_domain_name": "domain names"}),
    ("certificates", {"aws_acm_certificate": "certificates, one in each region"}),
    ("secrets", {"aws_secretsmanager_secret": "secrets, each with a copy in the other region"}),
    ("key", {"aws_kms_key": "key", "aws_kms_replica_key": "copy of it in the other region"}),
)
_SITE: Final[Parts] = (
    ("API", {"aws_apigatewayv2_api": "HTTP API", "aws_apigatewayv2_api_mapping": "names"}),
    ("functions", {"aws_lambda_function": "functions", "aws_scheduler_schedule": "schedules"}),
    (
        "network",
        {"aws_subnet": "subnets", "aws_nat_gateway": "NAT", "aws_vpc_endpoint": "endpoints"},
    ),
    ("ledger", {"aws_rds_cluster": "cluster", "aws_rds_cluster_instance": "instances"}),
    ("", {"aws_db_proxy": "proxy", "aws_rds_global_cluster": "global cluster"}),
    ("backups", {"aws_backup_vault": "vault", "aws_backup_plan": "daily plan"}),
    ("evidence", {"aws_s3_bucket": "buckets"}),
    ("recovery", {"aws_sfn_state_machine": "state machine", "aws_cloudwatch_event_rule": "rule"}),
    (
        "alarms",
        {
            "aws_cloudwatch_metric_alarm": "alarms",
            "aws_cloudwatch_composite_alarm": "of alarms",
            "aws_sns_topic": "topic",
        },
    ),
    ("keys", {"aws_kms_key": "keys"}),
)
_LINKS: Final[Parts] = (
    ("payments table", {"aws_dynamodb_table": "in three regions"}),
    ("peering", {"aws_vpc_peering_connection": "connection", "aws_route": "routes"}),
    ("failover", {"aws_route53_record": "records"}),
    ("", {"aws_route53_health_check": "health checks"}),
    ("events", {"aws_cloudwatch_event_bus": "buses", "aws_cloudwatch_event_rule": "rules"}),
    ("alarms", {"aws_cloudwatch_metric_alarm": "of drills"}),
    ("experiments", {"aws_fis_experiment_template": "experiments"}),
)
_BY_NAME: Final = ("Aurora's replication", "copies of backups")
"""Between the sites without a resource in `links`: they name each other's things."""

_LINE: Final = 22
_TOP: Final = 54
_WIDTH: Final = 1080
_SIDE: Final = 330
_MIDDLE: Final = 300
_MARGIN: Final = 20
_LEFT: Final = _MARGIN
_CENTRE: Final = _MARGIN + _SIDE + 40
_RIGHT: Final = _WIDTH - _MARGIN - _SIDE
_COLOURS: Final = {"ink": "#1d2733", "soft": "#5b6875", "edge": "#9aa7b4", "link": "#b4540a"}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Box:
    title: str
    under: str
    lines: tuple[tuple[str, str], ...]
    fill: str
    indent: int

    @property
    def height(self) -> int:
        return _TOP + _LINE * len(self.lines) + 8

    def drawn(self, x: int, y: int, width: int, height: int) -> list[str]:
        parts = [
            (
                f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" '
                f'fill="{self.fill}" stroke="{_COLOURS["edge"]}"/>'
            ),
            _text(x + 14, y + 24, self.title, "title"),
            _text(x + 14, y + 42, self.under, "soft"),
        ]
        for number, (name, counts) in enumerate(self.lines):
            line = y + _TOP + _LINE * number + 14
            parts += [
                _text(x + 14, line, name, "name"),
                _text(x + self.indent, line, counts, "plain"),
            ]
        return parts


def main() -> None:
    """Write the picture."""
    settings = example("production")
    with tempfile.TemporaryDirectory(prefix="payment-dr-docs-") as scratch:
        TARGET.write_text(svg(settings, synthesized(settings, Path(scratch))), encoding="utf-8")


def svg(settings: Settings, stacks: Stacks) -> str:
    """The picture of these stacks, the same text for the same stacks."""
    home, peer = settings.site(settings.home), settings.peer(settings.home)
    above = _box(FOUNDATION, f"state in {home.region}", _FOUNDATION, stacks)
    sites = [_box(site.name, site.region, _SITE, stacks, fill="#eef4fb") for site in (home, peer)]
    between = _box(LINKS, f"state in {home.region}", _LINKS, stacks, fill="#fdf3e7")
    top = _MARGIN + 34
    row = top + above.height + 26
    height = max(box.height for box in (*sites, between))
    name = f"clients resolve {settings.dns.name}, TTL {settings.dns.ttl_s} s"
    below = row + height + 30
    end = below + 26 * len(_BY_NAME)
    witness = f"{settings.witness_region}: witness of the payments table, and nothing else"
    parts = [
        _text(_MARGIN, _MARGIN + 14, f"{name}: Route 53 answers with a site", "title"),
        *above.drawn(_MARGIN, top, _WIDTH - 2 * _MARGIN, above.height),
        *sites[0].drawn(_LEFT, row, _SIDE, height),
        *between.drawn(_CENTRE, row, _MIDDLE, height),
        *sites[1].drawn(_RIGHT, row, _SIDE, height),
        *_joined(between, row),
        *_by_name(below),
        _text(_CENTRE + 14, end, witness, "soft"),
    ]
    return _document("\n".join(parts), end + _MARGIN)


def _joined(between: _Box, row: int) -> list[str]:
    """Arrows from each part of `links` to both sites."""
    rows = [
        row + _TOP + _LINE * number + 9 for number, (name, _) in enumerate(between.lines) if name
    ]
    return [
        arrow
        for y in rows
        for arrow in (
            _arrow(_CENTRE - 4, y, _LEFT + _SIDE + 4),
            _arrow(_CENTRE + _MIDDLE + 4, y, _RIGHT - 4),
        )
    ]


def _by_name(below: int) -> list[str]:
    """What joins the sites without a resource in `links`."""
    return [
        part
        for number, words in enumerate(_BY_NAME)
        for part in (
            _arrow(_CENTRE - 4, below + 26 * number - 4, _LEFT + 60),
            _arrow(_CENTRE + _MIDDLE + 4, below + 26 * number - 4, _RIGHT + _SIDE - 60),
            _text(_CENTRE + 14, below + 26 * number, f"{words}, by name", "plain"),
        )
    ]


def _box(title: str, under: str, parts: Parts, stacks: Stacks, *, fill: str = "#f1f5f1") -> _Box:
    """A stack's box; parts of which it has nothing are left out."""
    resources = stacks[title]
    total = sum(len(named) for named in resources.values())
    lines: list[tuple[str, str]] = []
    for name, kinds in parts:
        found = [(len(resources[kind]), word) for kind, word in kinds.items() if kind in resources]
        if found:
            lines.append((name, ", ".join(f"{number} {word}" for number, word in found)))
    indent = 30 + 8 * max(len(name) for name, _ in lines)
    return _Box(
        title=title,
        under=f"{under}, {total} resources",
        lines=tuple(lines),
        fill=fill,
        indent=indent,
    )


def _text(x: int, y: int, words: str, style: str) -> str:
    return f'<text x="{x}" y="{y}" class="{style}">{escape(words)}</text>'


def _arrow(start: int, y: int, end: int) -> str:
    return (
        f'<line x1="{start}" y1="{y}" x2="{end}" y2="{y}" stroke="{_COLOURS["link"]}" '
        'stroke-width="1.5" marker-end="url(#head)"/>'
    )


def _document(body: str, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="{_COLOURS["ink"]}">\n'
        "<title>The four stacks, what is in them, and what crosses regions</title>\n"
        "<defs><marker id='head' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' "
        f"markerHeight='7' orient='auto'><path d='M0 0 8 4 0 8z' fill='{_COLOURS['link']}'/>"
        "</marker></defs>\n"
        "<style>.title{font-weight:600;font-size:15px}.name{font-weight:600}"
        f".soft{{fill:{_COLOURS['soft']}}}</style>\n"
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


if __name__ == "__main__":
    main()
