"""report.html: one self-contained page; nothing in it is fetched, and all text is escaped."""

from html import escape

from payment_dr.report import words
from payment_dr.report.model import ClaimReport, Report, WitnessReport
from payment_dr.report.parts import chip, document, table
from payment_dr.report.phases import draw_phases, phases
from payment_dr.report.plot import Line, Plot, Series, draw


def page(report: Report, *, other: Report | None = None) -> str:
    """The page of a run; with `other`, the two designs are compared in it."""
    title = f"{report.scenario} ({report.design}), seed {report.seed}"
    sections = [
        _header(report),
        _tiles(report),
        "" if other is None else _comparison((report, other)),
        _objectives(report),
        _timeline(report),
        _phases(report),
        _claims(report),
        _moves(report),
        _run_log(report),
        _footer(report),
    ]
    return document(f"{title}: {words.outcome(report)[0]}", sections)


def _header(report: Report) -> str:
    word, style = words.outcome(report)
    fault = report.fault
    what = ""
    if fault is not None:
        site = "" if fault.site is None else f" of {fault.site}"
        what = f"{fault.action}{site} at {fault.at_s:.1f} s, "
    load = f"{report.offered_per_s:g} payments/s offered. "
    return (
        f'<header><div class="kicker">payment-dr, design {escape(report.design)}</div>'
        f"<h1>{escape(report.scenario)}{chip(word, style, big=True)}</h1>"
        f'<p class="lead">{escape(words.headline(report))}</p>'
        f'<p class="meta">{escape(what + load)}Seed {report.seed}, began '
        f"{escape(report.began_at)}, {report.duration_s:.0f} s.{_control(report)}</p></header>"
    )


def _control(report: Report) -> str:
    control = report.negative_control
    if control is None:
        return ""
    names = ", ".join(control.must_break)
    return f" A fault was planted: the checker must find {escape(names)} broken."


def _tiles(report: Report) -> str:
    times = report.recovery_time_s
    tiles = (
        (words.number(report.data_loss.payments), "acknowledged payments lost"),
        (words.number(report.double_charges), "double charges"),
        (words.seconds(times.acceptance), "until accepting again"),
        (words.seconds(times.ledger), "until the ledger was open"),
        (words.milliseconds(report.latency_ms.p99), "p99 before the fault"),
        (words.number(report.unanswered.outside_fault), "unanswered outside the fault"),
    )
    cells = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span></div>'
        for value, name in tiles
    )
    return f'<section class="tiles">{cells}</section>'


def _comparison(runs: tuple[Report, Report]) -> str:
    columns = [words.compared(run) for run in runs]
    rows = [
        (escape(name), escape(ours), escape(theirs))
        for name, ours, theirs in zip(words.COMPARED, *columns, strict=True)
    ]
    heads = ("", *(escape(run.design) for run in runs))
    return (
        "<h2>Compared</h2><p class='soft'>The same load, fault and seed through both designs.</p>"
        + table(heads, rows)
    )


def _objectives(report: Report) -> str:
    styles = {"met": "pass", "missed": "fail", words.UNKNOWN: "unknown"}
    rows = [
        (
            escape(o.name),
            f"{o.objective:g} {escape(o.unit)}",
            escape(words.measured(o)),
            chip(words.objective_word(o), styles[words.objective_word(o)]),
        )
        for o in report.objectives
    ]
    if not rows:
        return ""
    return "<h2>Objectives</h2>" + table(("", "Objective", "Measured", ""), rows)


def _timeline(report: Report) -> str:
    timeline = report.timeline
    if not timeline.buckets:
        return ""
    width = timeline.bucket_s
    length = len(timeline.buckets) * width
    marks = sorted(timeline.marks, key=lambda mark: mark.at_s)
    lines = tuple(
        Line(number=number, name=mark.name, at_s=mark.at_s)
        for number, mark in enumerate(marks, start=1)
    )
    at = {mark.name: mark.at_s for mark in marks}
    shade = (at["fault"], at["takeover"]) if {"fault", "takeover"} <= at.keys() else None

    def rate(field: str) -> tuple[float, ...]:
        return tuple(getattr(bucket, field) / width for bucket in timeline.buckets)

    throughput = (
        Series(name="offered", style="offered", values=rate("offered")),
        Series(name="acknowledged", style="ack", values=rate("acknowledged"), filled=True),
        Series(name="refused", style="other", values=rate("refused")),
        Series(name="without an answer", style="lost", values=rate("indeterminate"), filled=True),
    )
    latency = (
        Series(name="p50", style="p50", values=tuple(b.p50_ms for b in timeline.buckets)),
        Series(name="p99", style="p99", values=tuple(b.p99_ms for b in timeline.buckets)),
    )
    plots = [
        Plot(
            title=title,
            unit=unit,
            length_s=length,
            step_s=width,
            series=series,
            lines=lines,
            shade=shade,
            log=log,
        )
        for title, unit, series, log in (
            ("Payments per second, over seconds", "per s", throughput, False),
            ("Latency of acknowledged payments, over seconds", "ms", latency, True),
        )
    ]
    cards = "".join(
        f'<div class="card"><p><b>{escape(plot.title)}</b></p>{_legend(plot.series)}'
        f"{draw(plot)}</div>"
        for plot in plots
    )
    fault = at.get("fault", 0.0)
    notes = "".join(
        f"<li><b>{line.number}</b>{escape(line.name)} {line.at_s - fault:+.2f} s</li>"
        for line in lines
    )
    return f'<h2>Timeline</h2><ul class="legend">{notes}</ul>{cards}'


def _legend(series: tuple[Series, ...]) -> str:
    entries = "".join(f'<li><i class="{one.style}"></i>{escape(one.name)}</li>' for one in series)
    return f'<ul class="legend">{entries}</ul>'


def _phases(report: Report) -> str:
    bars = phases(report)
    if not bars:
        return ""
    return (
        '<h2>Recovery</h2><div class="card"><p class="soft">Seconds after the fault.</p>'
        f"{draw_phases(bars)}</div>"
    )


def _claims(report: Report) -> str:
    rows = [(chip(c.verdict, c.verdict), _claim(c), number) for c, number in _ordered(report)]
    return "<h2>Claims</h2>" + table(("", "Claim", "Violations"), rows)


def _ordered(report: Report) -> list[tuple[ClaimReport, str]]:
    """The worst first, else as judged."""
    badness = {"fail": 0, "unknown": 1}
    claims = sorted(report.claims, key=lambda claim: badness.get(claim.verdict, 2))
    return [(claim, f"{claim.violations:,}") for claim in claims]


def _claim(claim: ClaimReport) -> str:
    text = f'<b>{escape(claim.name)}</b><br><span class="soft">{escape(claim.checked)}</span>'
    if claim.reason:
        text += f'<br><span class="unknown">Unknown: {escape(claim.reason)}.</span>'
    if claim.witness is not None:
        witness = claim.witness
        named = {"first": witness.first, "worst": witness.worst, "last": witness.last}
        lines = "".join(f"<li>{name}: {_witness(one)}</li>" for name, one in named.items())
        text += f'<ul class="witness">{lines}</ul>'
    return text


def _witness(witness: WitnessReport) -> str:
    who = "" if witness.payment_id is None else f"<code>{escape(witness.payment_id)}</code> "
    money = ""
    if witness.currency is not None:
        money = f"{witness.minor_units:,} {escape(witness.currency)}, "
    return f"{who}{money}{escape(witness.detail)}"


def _moves(report: Report) -> str:
    rows = [
        (
            escape(move.move_id),
            escape(f"{move.kind} to {move.site}" + ("" if move.winner else ", not won")),
            str(move.epoch),
            words.number(move.only_in_old_writer),
            f"{move.seen_unconfirmed:,}",
            f"{move.posted:,}",
        )
        for move in report.moves
    ]
    if not rows:
        return ""
    heads = (
        "Move",
        "",
        "Epoch",
        "Entries only in the old writer",
        "Payments seen unconfirmed",
        "Entries posted again",
    )
    return "<h2>What each move did to the ledger</h2>" + table(heads, rows)


def _run_log(report: Report) -> str:
    rows = [
        (f"{line.at_s:.3f}", escape(line.site or ""), escape(line.name), escape(line.detail))
        for line in report.run_log
    ]
    events = table(("s", "Site", "Event", "Detail"), rows)
    return f"<h2>Run log</h2><details open><summary>{len(rows)} events</summary>{events}</details>"


def _footer(report: Report) -> str:
    environment = ", ".join(
        f"{escape(str(name))} {escape(str(value))}" for name, value in report.environment.items()
    )
    return (
        f"<footer><p>Measured on: {environment or 'not stated'}.</p><p>Amounts are minor units. "
        "Check the evidence again with <code>payment-dr check DIRECTORY</code>; its files are "
        "beside this page.</p></footer>"
    )
