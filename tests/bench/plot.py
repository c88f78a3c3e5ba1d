#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The plot of the benchmark: one bar chart for each kernel and cell, rows beneath each other.

usage: tests/bench/plot.py BENCH.JSON >BENCH.SVG
"""
import json
import sys
from xml.sax.saxutils import escape

sys.dont_write_bytecode = True

import report  # noqa: E402

PANELS = {
    "randread-4k": "4k random read",
    "randwrite-4k": "4k random write",
    "randread-128k": "128k random read",
    "randwrite-128k": "128k random write",
}

# All in pixels of the unscaled picture.
LABELS, PANEL, GAP, BAR, PITCH, MARGIN, TITLE = 190, 190, 24, 13, 18, 16, 44
VALUE = 48  # room for the number behind the longest bar

# Readable on white and on black; shade tells the kind of row, the text says the rest.
STYLE = """
 text { font: 12px sans-serif; fill: #1f2328 }
 .title { font-weight: bold }
 .note { fill: #59636e }
 .plain { fill: #afb8c1 } .crypt { fill: #768390 } .fve { fill: #1f6feb }
 @media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .note { fill: #9198a1 }
  .plain { fill: #444c56 } .crypt { fill: #768390 } .fve { fill: #58a6ff }
 }
"""


def kind(row):
    if row.startswith("fve"):
        return "fve"
    return "crypt" if row.startswith("crypt") else "plain"


def text(x, y, content, css="", anchor="start"):
    return f'<text x="{x}" y="{y}" class="{css}" text-anchor="{anchor}">{escape(content)}</text>'


def panel(x, y, cells, column, title):
    """The bars of one cell; lengths relative to the longest of them."""
    values = [report.mean_us(cells, row, column) for row in report.ROWS]
    scale = (PANEL - VALUE) / max(values)
    yield text(x, y - 8, title, "title")
    for row, value in zip(report.ROWS, values):
        yield (f'<rect x="{x}" y="{y}" width="{value * scale:.1f}" height="{BAR}" '
               f'class="{kind(row)}"/>')
        yield text(round(x + value * scale + 4, 1), y + 11,
                   f"{value:.1f}" if value < 100 else f"{value:.0f}")
        y += PITCH


def svg(result):
    height_each = TITLE + len(report.ROWS) * PITCH + MARGIN
    width = MARGIN + LABELS + len(PANELS) * (PANEL + GAP)
    height = len(result["kernels"]) * height_each + 2 * MARGIN
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
             f'width="{width}" height="{height}">',
             "<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->", f"<style>{STYLE}</style>"]
    y = TITLE
    for kernel, figures in result["kernels"].items():
        parts.append(text(MARGIN, y - 8, f"Linux {kernel}", "title"))
        for index, label in enumerate(report.ROWS.values()):
            parts.append(text(MARGIN + LABELS - 8, y + index * PITCH + 11, label, "", "end"))
        for index, (column, title) in enumerate(PANELS.items()):
            x = MARGIN + LABELS + index * (PANEL + GAP)
            parts.extend(panel(x, y, figures["cells"], column, title))
        y += height_each
    parts.append(text(MARGIN, height - MARGIN,
                      "us of guest time per I/O, queue depth 1 on a RAM disk; 1 us = 500 "
                      "instructions; shorter is better", "note"))
    return "\n".join(parts + ["</svg>", ""])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as source:
        sys.stdout.write(svg(json.load(source)))
