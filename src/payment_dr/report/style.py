"""The style sheet of report.html: system fonts, light and dark, and paper."""

from typing import Final

CSS: Final = """
:root {
  color-scheme: light dark;
  --page: #fbfbfa; --card: #ffffff; --ink: #1c2126; --soft: #5d6671; --rule: #e3e5e8;
  --pass: #1a7f52; --fail: #b3261e; --unknown: #8a6100;
  --ack: #2f6fbd; --other: #9aa3ad; --lost: #cf4a3f; --p50: #2a8f83; --p99: #7a58c1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --card: #1c2024; --ink: #e7eaed; --soft: #9ba5b0; --rule: #30363c;
    --pass: #5cc596; --fail: #f08a80; --unknown: #e0b458;
    --ack: #6ea8ee; --other: #77818b; --lost: #f0786c; --p50: #58c2b4; --p99: #b197f0;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 40px 24px 72px; }
h1 { font-size: 30px; line-height: 1.2; margin: 4px 0 10px; font-weight: 650; }
h2 { font-size: 18px; margin: 44px 0 12px; font-weight: 650; }
p { margin: 0 0 10px; } .soft, .meta { color: var(--soft); } .meta { font-size: 13px; }
.kicker { font-size: 13px; color: var(--soft); letter-spacing: .02em; }
.lead { font-size: 18px; max-width: 46em; }
.chip { display: inline-block; border-radius: 99px; padding: 1px 10px; font-size: 13px;
  font-weight: 600; border: 1px solid currentColor; white-space: nowrap; }
.chip.big { font-size: 16px; padding: 3px 16px; vertical-align: 5px; margin-left: 12px; }
.pass { color: var(--pass); } .fail { color: var(--fail); } .unknown { color: var(--unknown); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
  margin: 24px 0 0; }
.tile { background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  padding: 14px 16px; }
.tile b { display: block; font-size: 26px; font-weight: 650; font-variant-numeric: tabular-nums;
  line-height: 1.25; }
.tile span { font-size: 13px; color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  padding: 16px 18px; overflow-x: auto; }
.card + .card { margin-top: 12px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-size: 13px; font-weight: 600; color: var(--soft); }
th, td { padding: 7px 12px 7px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
tr:last-child td { border-bottom: 0; } td.num, th.num { text-align: right; }
td b { font-weight: 600; }
.witness { margin: 6px 0 0; padding: 0; list-style: none; font-size: 13px; }
.witness li { margin: 2px 0; overflow-wrap: anywhere; }
code, .mono { font: 12.5px/1.5 ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; color: var(--soft);
  margin: 0 0 6px; padding: 0; list-style: none; }
.legend i { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 6px;
  vertical-align: middle; background: currentColor; }
.legend i.offered { background: none; border-top: 2px dashed currentColor; height: 0; }
.legend b { display: inline-block; min-width: 18px; text-align: center; border-radius: 9px;
  background: var(--ink); color: var(--card); font-size: 11px; margin-right: 6px; }
.plot { display: block; width: 100%; height: auto; min-width: 640px; }
.plot text { fill: var(--soft); font-size: 12px; } .plot .label { fill: var(--ink); }
.plot .mid { text-anchor: middle; } .plot .end { text-anchor: end; }
.grid { stroke: var(--rule); fill: none; } .outage { fill: var(--lost); opacity: .09; }
.line { fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linejoin: round; }
.area { fill: currentColor; opacity: .14; stroke: none; } .dot { fill: currentColor; }
.ack { color: var(--ack); } .other { color: var(--other); } .lost { color: var(--lost); }
.p50 { color: var(--p50); } .p99 { color: var(--p99); }
.offered { color: var(--other); stroke-dasharray: 3 4; }
.mark { stroke: var(--ink); stroke-opacity: .55; fill: none; }
.badge circle { fill: var(--ink); }
.plot .badge text { fill: var(--card); font-size: 11px; font-weight: 700; text-anchor: middle; }
.bar.bad { fill: var(--lost); } .bar.part { fill: var(--ack); } .bar.muted { fill: var(--other); }
summary { cursor: pointer; font-weight: 600; }
footer { margin-top: 48px; font-size: 13px; color: var(--soft); }
@media print {
  :root { --page: #fff; --card: #fff; }
  body { font-size: 11px; } main { max-width: none; padding: 0; }
  .card, .tile, tr { break-inside: avoid; } h2 { break-after: avoid; }
}
"""
