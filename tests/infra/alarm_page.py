"""The page that says of each alarm how it is shown to fire; run this file to write it anew."""

from pathlib import Path
from typing import Final

from infra.alarm_proofs import How, Silence, proofs

PAGE: Final = Path(__file__).parents[2] / "docs/reference/alarm-proofs.md"

_SILENCE: Final = {
    Silence.RAISES: "raises it",
    Silence.ENDS: "is well, and ends it",
    Silence.HOLDS: "leaves it as it is",
}
_HOW: Final = {How.LAB: "a running lab, and planted lines", How.PLANTED: "planted lines"}
_BEFORE: Final = """<!-- Made by tests/infra/alarm_page.py; a test compares it. -->

# How each alarm is shown to work

Every alarm as it is synthesized is evaluated by CloudWatch's documented rules
(`payment_dr.lab.alarms`) over a healthy hour, its fault, health again, and silence. None may be
raised in health, each must be by its fault and over afterwards, and silence must do what is chosen.

- The healthy hour is a minute of a real lab under load, recorded once, each second of it a minute
  of AWS; and planted lines for what no lab runs.
- *A running lab* means that `tests/lab/test_alarms_of_a_lab.py` makes the fault for real as well:
  processes are killed and links cut, and nothing else is raised.
- Metrics are written down by hand as AWS and the functions publish them, so an alarm on another
  name or dimension fails. Six wrong dimensions, comparisons and thresholds and three wrong meanings
  of silence are planted in each alarm, and found.

What this cannot tell: CloudWatch's own delays, and how far back it looks beyond an alarm's periods,
which it does not document; the proofs hold for 0, 2 and 5 periods.

| alarm | its fault | made in | silence |
| --- | --- | --- | --- |
"""
_AFTER: Final = """
`site-unhealthy` and `peer-unhealthy` follow others: each alarm that they name is raised by its
fault, and they with it. `payments-drill-<site>` is raised whenever nobody vouches for a drill, by
design.
"""


def page() -> str:
    """The page as it must be."""
    rows = {name: proof for site in ("east", "west") for name, proof in proofs(site).items()}
    return (
        _BEFORE
        + "".join(
            f"| `{name}` | {one.fault} | {_HOW[one.how]} | {_SILENCE[one.silence]} |\n"
            for name, one in rows.items()
        )
        + _AFTER
    )


if __name__ == "__main__":
    PAGE.write_text(page())
