# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the benchmarks share."""
import os
import re
import shutil
import subprocess

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))

# As little as possible beside fio: nothing to the console, no audit records, no watchdog.
QUIET = " quiet audit=0 nowatchdog"

# One of fio's JSON objects, which begins and ends at the beginning of a line.
RESULT = re.compile(r"^\{$.*?^\}$", re.DOTALL | re.MULTILINE)


def output_of(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def build_module(kernel, name):
    """A test module, of the directory of its name; returns the file."""
    release = output_of(f"{TOP}/tests/vm/kernel", "--print", "release", kernel)
    kbuild = output_of(f"{TOP}/tests/vm/kernel", "--print", "kbuild", kernel)
    directory = os.path.join(BUILD, "bench", release, name)
    shutil.copytree(os.path.join(HERE, name), directory, dirs_exist_ok=True)
    subprocess.run(["make", "-s", "-C", kbuild, f"M={os.path.abspath(directory)}",
                    "CONFIG_DEBUG_INFO_BTF_MODULES=", "modules"], check=True)
    return os.path.join(directory, f"{name}.ko")


def in_guest(kernel, options, script, *arguments):
    """What a guest's script prints, or RuntimeError with it."""
    guest = subprocess.run([f"{TOP}/tests/vm/vm", "--kernel", kernel, *options,
                            os.path.join(HERE, script), *map(str, arguments)],
                           stdout=subprocess.PIPE, text=True, check=False)
    if guest.returncode:
        raise RuntimeError(f"{RESULT.sub('', guest.stdout)}\n"
                           f"{script} on {kernel} ends with {guest.returncode}")
    return guest.stdout
