# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests/bench/bench prints: tables, ratios, what the target adds to its floor, verdicts.

All functions take the object that bench's documentation describes.
"""
import fair
import pair

NS_PER_INSTRUCTION = 2  # -icount shift=1

ROWS = {
    "raw": "RAM disk",
    "linear": "dm-linear",
    "crypt-512": "dm-crypt 512",
    "crypt-4096": "dm-crypt 4096",
    "crypt-tuned-512": "dm-crypt 512, no_*_workqueue",
    "crypt-tuned-4096": "dm-crypt 4096, no_*_workqueue",
    "fve-512": "fve 512",
    "fve-4096": "fve 4096 (default)",
    "fve-on-fve-4096": "fve 4096 on fve 4096",
}

COLUMNS = {
    "randread-4k": "4k rnd rd",
    "randwrite-4k": "4k rnd wr",
    "read-4k": "4k seq rd",
    "write-4k": "4k seq wr",
    "randread-128k": "128k rnd rd",
    "randwrite-128k": "128k rnd wr",
    "read-128k": "128k seq rd",
    "write-128k": "128k seq wr",
    "randread-4k-qd32": "4k rd QD32",
    "randwrite-4k-qd32": "4k wr QD32",
}

# What, our row, the rows against the best of which it stands, cells (the worst counts), ratio.
GOALS = [
    ("4k random read, 4096, against dm-crypt's defaults",
     "fve-4096", ["crypt-4096"], ["randread-4k"], 1.5),
    ("4k random write, 4096, against dm-crypt's defaults",
     "fve-4096", ["crypt-4096"], ["randwrite-4k"], 1.6),
    ("4k random read, 512, against dm-crypt's defaults",
     "fve-512", ["crypt-512"], ["randread-4k"], 1.4),
    ("4k random write, 512, against dm-crypt's defaults",
     "fve-512", ["crypt-512"], ["randwrite-4k"], 1.5),
    ("4k random read, fve's default against dm-crypt's (512)",
     "fve-4096", ["crypt-512"], ["randread-4k"], 1.9),
    ("4k random write, fve's default against dm-crypt's (512)",
     "fve-4096", ["crypt-512"], ["randwrite-4k"], 2.0),
    ("worst cell, 512, against the best dm-crypt",
     "fve-512", ["crypt-512", "crypt-tuned-512"], list(COLUMNS), 0.98),
    ("worst cell, 4096, against the best dm-crypt",
     "fve-4096", ["crypt-4096", "crypt-tuned-4096"], list(COLUMNS), 0.98),
    ("4k writes, 512, against the best dm-crypt",
     "fve-512", ["crypt-512", "crypt-tuned-512"], ["randwrite-4k", "write-4k"], 1.05),
    ("4k writes, 4096, against the best dm-crypt",
     "fve-4096", ["crypt-4096", "crypt-tuned-4096"], ["randwrite-4k", "write-4k"], 1.05),
]


def mean_us(cells, row, column):
    values = cells[row][column]["us"]
    return sum(values) / len(values)


def ratio(cells, row, opponents, column):
    """How many times as fast as the best of the opponents."""
    return (min(mean_us(cells, opponent, column) for opponent in opponents) /
            mean_us(cells, row, column))


def spreads(cells):
    """Of each cell, by how much its repetitions differ, as a part of their least."""
    for columns in cells.values():
        for cell in columns.values():
            yield max(cell["us"]) / min(cell["us"]) - 1


def floor_us(figures, row, column):
    """dm-linear and the bare cipher: what an I/O of this row would cost if fve cost nothing."""
    unit = int(row.rpartition("-")[2])
    direction = "decrypt" if "read" in column else "encrypt"
    pages = 32 if "128k" in column else 1
    cipher = min(entry[direction] for entry in figures["cipher"] if entry["unit"] == unit)
    return mean_us(figures["cells"], "linear", column) + pages * cipher


def verdicts(result):
    goals = []
    for kernel, figures in result["kernels"].items():
        for goal, row, opponents, columns, wanted in GOALS:
            figure = min(ratio(figures["cells"], row, opponents, column) for column in columns)
            goals.append({"kernel": kernel, "goal": goal, "wanted": wanted,
                          "figure": round(figure, 3), "most": False, "met": figure >= wanted})
        goals.extend(fair.verdicts(kernel, figures["fair"]))
        goals.extend(pair.verdicts(kernel, figures["pair"]))
    return goals


def line(label, values, form):
    width = max(len(title) for title in COLUMNS.values())
    print(f"  {label:<31}", *(f"{format(value, form):>{width}}" for value in values))


def show_kernel(kernel, figures):
    cells = figures["cells"]
    drivers = ", ".join(sorted({entry["driver"] for entry in figures["cipher"]}))
    print(f"\nLinux {figures['release']} ({kernel}), cipher {drivers}")
    print("Guest time per I/O in us (1 us = 500 instructions)")
    line("", COLUMNS.values(), "")
    for row, label in ROWS.items():
        line(label, (mean_us(cells, row, column) for column in COLUMNS), ".2f")
    print("Times as fast as dm-crypt")
    for row, opponents, label in [
            ("fve-512", ["crypt-512"], "512: defaults"),
            ("fve-512", ["crypt-512", "crypt-tuned-512"], "512: best"),
            ("fve-4096", ["crypt-4096"], "4096: defaults"),
            ("fve-4096", ["crypt-4096", "crypt-tuned-4096"], "4096: best"),
            ("fve-4096", ["crypt-512"], "4096 against 512: defaults")]:
        line(label, (ratio(cells, row, opponents, column) for column in COLUMNS), ".2f")
    print("What the second layer costs: fve on fve against fve, times the time per I/O")
    line("", (mean_us(cells, "fve-on-fve-4096", column) / mean_us(cells, "fve-4096", column)
              for column in COLUMNS), ".2f")
    print("Instructions above dm-linear and the bare cipher")
    for row in ("crypt-tuned-512", "crypt-tuned-4096", "fve-512", "fve-4096"):
        line(ROWS[row], (1000 / NS_PER_INSTRUCTION *
                         (mean_us(cells, row, column) - floor_us(figures, row, column))
                         for column in COLUMNS if "qd" not in column), ".0f")


def show(result):
    for kernel, figures in result["kernels"].items():
        show_kernel(kernel, figures)
        fair.show(kernel, figures["fair"])
        pair.show(kernel, figures["pair"])
    print()
    if result["method"]["repetitions"] > 1:
        for kernel, figures in result["kernels"].items():
            worst = sorted(spreads(figures["cells"]))
            print(f"Repetitions on {kernel} differ by {100 * worst[len(worst) // 2]:.2f} % in "
                  f"the median cell and {100 * worst[-1]:.2f} % in the worst")
        print()
    for goal in result["goals"]:
        print(f"{'met' if goal['met'] else 'NOT MET':<8} {goal['kernel']:<5} {goal['figure']:.3f} "
              f"({'at most' if goal['most'] else 'goal'} {goal['wanted']:.2f})  {goal['goal']}")
