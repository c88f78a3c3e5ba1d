#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What firmware, boot loader and kernel would measure: a second implementation, for tests.

usage: boot_log.py LOG [--kernel FILE] [--initrd FILE] [--cmdline TEXT] [--uki FILE] [--grub]
                       [--no-nul] [--two-images] [--passed [TEXT]] [--profile N] [--addon FILE] [--shim]

Writes a crypto-agile event log and prints one line "PCR SHA256" for each event that extends.
  --kernel, --initrd, --cmdline   a kernel that the firmware starts by its EFI stub
  --grub                          GRUB starts it (files and commands in PCRs 8 and 9)
  --uki                           a unified kernel image, as the systemd-stub in it measures it
  --no-nul                        LoadOptions without the NUL at their end
  --two-images                    a boot manager is started before
  --passed                        systemd-boot passes a unified image its own command line, or TEXT
  --profile N                     and chooses this profile of it
  --addon FILE                    an add-on with a command line
  --shim                          with Secure Boot and shim
"""
import argparse
import hashlib
import os
import re
import struct

ALG_SHA256 = 0x000B
EV_NO_ACTION, EV_SEPARATOR, EV_EVENT_TAG, EV_IPL = 3, 4, 6, 13
EV_VARIABLE, EV_APPLICATION, EV_ACTION = 0x80000001, 0x80000003, 0x80000007


def sha256(data):
    return hashlib.sha256(data).digest()


def read(path):
    with open(path, "rb") as f:
        return f.read()


def pe_header(data):
    """Offset of the optional header, and of its data directories."""
    pe = struct.unpack_from("<I", data, 0x3C)[0]
    assert data[pe : pe + 4] == b"PE\0\0"
    optional = pe + 24
    magic = struct.unpack_from("<H", data, optional)[0]
    return pe, optional, optional + (112 if magic == 0x20B else 96)


def authenticode(data):
    """The digest of a PE image that covers its whole file: all bytes but three places."""
    _, optional, directories = pe_header(data)
    entry = directories + 4 * 8
    at, size = struct.unpack_from("<II", data, entry)
    end = at if size else len(data)
    return sha256(data[: optional + 64] + data[optional + 68 : entry] + data[entry + 8 : end])


def sections(data):
    pe, optional, _ = pe_header(data)
    count, size = struct.unpack_from("<H", data, pe + 6)[0], struct.unpack_from("<H", data, pe + 20)[0]
    found = []
    for i in range(count):
        name, virtual, _, _, at = struct.unpack_from("<8sIIII", data, optional + size + 40 * i)
        found.append((name.rstrip(b"\0").decode(), data[at : at + virtual]))
    return found


# In the order of systemd-stub, with the versions since which it measures them (systemd-stub(7)).
SECTIONS = ((".linux", 252), (".osrel", 252), (".cmdline", 252), (".initrd", 252), (".ucode", 256),
            (".splash", 252), (".dtb", 252), (".uname", 254), (".sbat", 254), (".pcrpkey", 252),
            (".profile", 257), (".dtbauto", 257), (".hwids", 257), (".efifw", 258))


def stub_version(image):
    return int(re.search(rb"#### LoaderInfo: systemd-stub ([0-9]+)", image).group(1))


def measured(image, profile):
    """The sections that the image's stub measures, each of a name the first; a profile's own before the common."""
    version = stub_version(image)
    groups = [[]]
    for name, data in sections(image):
        if name == ".profile" and version >= 257:
            groups.append([])
        groups[-1].append((name, data))
    parts = {}
    for group in (groups[profile + 1] if len(groups) > 1 else [], groups[0]):
        for name, data in group:
            parts.setdefault(name, data)
    return {name: parts[name] for name, since in SECTIONS if version >= since and parts.get(name)}


class Log:
    def __init__(self):
        spec = b"Spec ID Event03\0" + struct.pack("<IBBBBIHHB", 0, 0, 2, 2, 2, 1, ALG_SHA256, 32, 0)
        self.data = struct.pack("<II20sI", 0, EV_NO_ACTION, bytes(20), len(spec)) + spec

    def add(self, pcr, kind, digest, text):
        self.data += struct.pack("<IIIH32sI", pcr, kind, 1, ALG_SHA256, digest, len(text)) + text
        if kind != EV_NO_ACTION:
            print(pcr, digest.hex())

    def measure(self, pcr, kind, data, text=None):
        self.add(pcr, kind, sha256(data), data if text is None else text)

    def image(self, data, path):
        name = path.encode("utf-16le") + b"\0\0"
        nodes = struct.pack("<BBH", 4, 4, 4 + len(name)) + name + struct.pack("<BBH", 0x7F, 0xFF, 4)
        self.add(4, EV_APPLICATION, authenticode(data),
                 struct.pack("<QQQQ", 0x7D000000, len(data), 0, len(nodes)) + nodes)

    def tagged(self, tag, text, data):
        text = text.encode() + b"\0"
        self.measure(9, EV_EVENT_TAG, data, struct.pack("<II", tag, len(text)) + text)


def stub(log, args, cmdline, initrd):
    options = cmdline.encode("utf-16le") + (b"" if args.no_nul else b"\0\0")
    log.tagged(0x8F3B22ED, "LOADED_IMAGE::LoadOptions", options)
    log.tagged(0x8F3B22EC, "Linux initrd", initrd)


def grub(log, args):
    def command(text):
        log.measure(8, EV_IPL, text.encode(), b"grub_cmd: " + text.encode() + b"\0")

    def file(path):
        log.measure(9, EV_IPL, read(path), b"(hd0,gpt2)/boot/" + os.path.basename(path).encode() + b"\0")

    log.image(read(args.kernel) + b"grub ", "\\EFI\\debian\\grubx64.efi")
    log.measure(9, EV_IPL, b"menu", b"(hd0,gpt2)/boot/grub/grub.cfg\0")
    kernel = "/boot/" + os.path.basename(args.kernel)
    command(f"linux {kernel} {args.cmdline}")
    file(args.kernel)
    log.image(read(args.kernel), "")
    command("initrd /boot/" + os.path.basename(args.initrd))
    file(args.initrd)
    line = f"{kernel} {args.cmdline}"
    log.measure(8, EV_IPL, line.encode(), b"kernel_cmdline: " + line.encode() + b"\0")


def uki(log, args):
    image = read(args.uki)
    parts = measured(image, args.profile)
    log.image(image, "\\EFI\\Linux\\image.efi")
    if args.profile:
        number = str(args.profile).encode("utf-16le") + b"\0\0"
        log.measure(12, EV_EVENT_TAG, number, struct.pack("<II", 0x13AED6DB, len(number)) + number)
    for name, data in parts.items():
        text = name.encode("utf-16le") + b"\0\0"
        log.measure(11, EV_IPL, name.encode() + b"\0", text)
        log.measure(11, EV_IPL, data, text)
    if args.passed is not None:
        options = args.passed or parts[".cmdline"].decode().rstrip("\n")
        options = options.encode("utf-16le") + b"\0\0"
        log.measure(12, EV_IPL, options, options)
        log.measure(12, EV_IPL, b"a credential", b"credential")
    if args.addon:
        addon = read(args.addon)
        log.image(addon, "\\EFI\\Linux\\image.efi.extra.d\\one.addon.efi")
        options = dict(sections(addon))[".cmdline"].decode().encode("utf-16le") + b"\0\0"
        log.measure(12, EV_IPL, options, options)
    # Newer stubs start the kernel without the firmware, but for shim.
    if stub_version(image) < 258 or args.shim:
        log.image(parts[".linux"], "")
    stub(log, args, parts[".cmdline"].decode(), parts[".initrd"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("log")
    for option in ("--kernel", "--initrd", "--cmdline", "--uki", "--addon"):
        parser.add_argument(option)
    parser.add_argument("--profile", type=int, default=0)
    parser.add_argument("--passed", nargs="?", const="")
    for option in ("--grub", "--no-nul", "--two-images", "--shim"):
        parser.add_argument(option, action="store_true")
    args = parser.parse_args()
    log = Log()
    log.add(0, EV_NO_ACTION, bytes(32), b"StartupLocality\0\3")
    log.measure(0, 8, b"v1")
    log.measure(7, EV_VARIABLE, b"SecureBoot is off")
    log.measure(7, EV_SEPARATOR, b"\0\0\0\0")
    if args.shim:
        log.measure(14, EV_IPL, b"MokList", b"MokList\0")
    log.measure(4, EV_ACTION, b"Calling EFI Application from Boot Option")
    log.measure(4, EV_SEPARATOR, b"\0\0\0\0")
    if args.two_images:
        log.image(read(args.uki or args.kernel) + b"manager ", "\\EFI\\systemd\\systemd-bootx64.efi")
    if args.uki:
        uki(log, args)
    elif args.grub:
        grub(log, args)
    else:
        log.image(read(args.kernel), "\\vmlinuz.efi")
        stub(log, args, args.cmdline, read(args.initrd))
    log.measure(5, EV_ACTION, b"Exit Boot Services Invocation")
    with open(args.log, "wb") as f:
        f.write(log.data)


main()
