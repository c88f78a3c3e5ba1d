# SPDX-License-Identifier: LGPL-2.1-or-later
"""What takes two processors: tests/bench/bench's part of it, and tests/bench/parallel's.

kernels.K.pair in bench.json:

  bandwidth.CELL.ROW     KiB/s of each round, with the model cipher (model_cipher/), CELL as
                         "read 128k QD4"
  allocations.ROW        pages that the kernel allocates for a 4k write that completes on the other
                         CPU than its submitter's
"""
import collections
import json
import tempfile

import common

GOAL = 0.95
ALLOCATIONS = 0.02
ROUNDS, MIB, MS = 2, 2, 5


def measure(kernel, rounds=ROUNDS, mib=MIB, ms=MS, smp=2):
    with tempfile.NamedTemporaryFile() as disk:
        disk.truncate(64 << 20)
        text = common.in_guest(
            kernel, ["--smp", str(smp), "--parallel", "--timeout", "3000",
                     "--disk", f"{disk.name},num-queues=1",
                     "--append", f"{common.QUIET} cryptomgr.notests=1",
                     "--include", common.build_module(kernel, "model_cipher")],
            "parallel_guest", rounds, mib, 1000 * ms)
    figures = {"bandwidth": collections.defaultdict(lambda: collections.defaultdict(list)),
               "allocations": {}}
    for result in common.RESULT.findall(text):
        for job in json.loads(result)["jobs"]:
            row, cell = job["jobname"].split("/")
            figures["bandwidth"][cell][row].append(job[cell.split()[0]]["bw"])
    for words in map(str.split, common.RESULT.sub("", text).splitlines()):
        match words:
            case ["allocations", row, *numbers]:
                few, few_pages, many, many_pages = map(int, numbers)
                figures["allocations"][row] = (many_pages - few_pages) / (many - few)
    return figures


def ratio(rows):
    return max(rows["fve"]) / max(rows["crypt"])


def verdicts(kernel, figures):
    cells = figures["bandwidth"]
    worst = min(cells, key=lambda cell: ratio(cells[cell]))
    above = figures["allocations"]["fve"] - figures["allocations"]["linear"]
    return [
        {"kernel": kernel, "goal": f"one submitter on two CPUs, against dm-crypt's defaults, "
         f"worst cell ({worst})", "wanted": GOAL, "figure": round(ratio(cells[worst]), 3),
         "most": False, "met": ratio(cells[worst]) >= GOAL},
        {"kernel": kernel, "goal": "pages allocated for a 4k write that another CPU completes, "
         "above dm-linear's", "wanted": ALLOCATIONS, "figure": round(above, 3), "most": True,
         "met": above <= ALLOCATIONS},
    ]


def show(kernel, figures):
    print(f"\n{kernel}: one submitter on two CPUs, KiB/s with the model cipher, best of the rounds")
    for cell, rows in figures["bandwidth"].items():
        print(f"  {cell:<15} fve {max(rows['fve']):5} {rows['fve']}, dm-crypt "
              f"{max(rows['crypt']):5} {rows['crypt']}: {ratio(rows):.2f}")
    print(f"{kernel}: pages allocated for a 4k write that another CPU completes: "
          + ", ".join(f"{row} {figure:.3f}" for row, figure in figures["allocations"].items()))
