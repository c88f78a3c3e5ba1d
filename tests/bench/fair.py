# SPDX-License-Identifier: LGPL-2.1-or-later
"""What others wait for beside large I/O (fair_guest), as a part of what bench measures.

kernels.K.fair in bench.json:

  small.ROW      {"50", "99": us, "reads"}: 4k reads beside 32 reads of 1 MiB on another volume
  item.ROW       the longest wait of a foreign item of system_highpri_wq meanwhile, us
  stretch.ROW    {read, write}: the longest stretch without a reschedule during 8 MiB I/O, us
"""
import json

import common

STRETCH_US = 4000


def measure(kernel, runtime_ms):
    text = common.in_guest(kernel, ["--icount", "--append", common.QUIET, "--timeout", "1800",
                                    "--include", common.build_module(kernel, "probe")],
                           "fair_guest", runtime_ms)
    figures = {"small": {}, "item": {}, "stretch": {}}
    for result in common.RESULT.findall(text):
        for job in json.loads(result)["jobs"]:
            row, what = job["jobname"].split("/")
            if what != "small":
                continue
            percentiles = job["read"]["clat_ns"]["percentile"]
            figures["small"][row] = {"50": percentiles["50.000000"] / 1000,
                                     "99": percentiles["99.000000"] / 1000,
                                     "reads": job["read"]["total_ios"]}
    for words in map(str.split, common.RESULT.sub("", text).splitlines()):
        match words:
            case ["item", row, longest]:
                figures["item"][row] = int(longest)
            case ["stretch", row, direction, longest]:
                figures["stretch"].setdefault(row, {})[direction] = int(longest)
    return figures


def verdicts(kernel, figures):
    """As bench's goals; `most` is a bound from above."""
    small, item, stretch = figures["small"], figures["item"], figures["stretch"]

    def goal(text, figure, wanted, most=False):
        met = figure <= wanted if most else figure >= wanted
        return {"kernel": kernel, "goal": text, "wanted": wanted, "figure": round(figure, 3),
                "most": most, "met": met}

    for percentile, name in (("50", "median"), ("99", "99th percentile")):
        yield goal(f"4k read beside large ones, {name}: times dm-crypt's defaults",
                   small["fve"][percentile] / small["crypt"][percentile], 1.5, True)
    yield goal("4k read beside large ones, median: times as fast as dm-crypt no_*_workqueue",
               small["crypt-tuned"]["50"] / small["fve"]["50"], 4.0)
    yield goal("a foreign work item's longest wait: times that beside dm-crypt's defaults",
               item["fve"] / item["crypt"], 1.0, True)
    yield goal("8 MiB at a time, ms without a reschedule, the longest",
               max(stretch["fve"].values()) / 1000, STRETCH_US / 1000, True)


def show(kernel, figures):
    print(f"\n{kernel}: beside reads of 1 MiB, 32 at once, on one CPU and one disk (guest time)")
    print(f"  {'':<14}{'4k p50, us':>12}{'p99, us':>12}{'reads':>8}{'work item, us':>15}"
          f"{'8 MiB read, us':>16}{'write, us':>12}")
    for row, small in figures["small"].items():
        print(f"  {row:<14}{small['50']:>12.0f}{small['99']:>12.0f}{small['reads']:>8}"
              f"{figures['item'][row]:>15}{figures['stretch'][row]['read']:>16}"
              f"{figures['stretch'][row]['write']:>12}")
