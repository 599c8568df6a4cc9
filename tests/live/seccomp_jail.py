"""Runs a program under a systemd unit's SystemCallFilter, as systemd does.

usage: seccomp_jail.py UNIT PROGRAM ARGUMENT...

Ends with 77, and says why, where the filter can't be made.
"""
import ctypes
import errno
import os
import subprocess
import sys

KILL_PROCESS = 0x80000000
ERRNO = 0x00050000
ALLOW = 0x7FFF0000


def skip(reason):
    print("SKIPPED:", reason)
    sys.exit(77)


def known_sets():
    """systemd's groups of system calls: members by name, as they are listed."""
    try:
        listing = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter"],
                                 capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as fault:
        skip(f"systemd-analyze: {fault}")
    sets = {}
    members = None
    for line in listing.splitlines():
        word = line.strip()
        if not word or word.startswith("#"):
            continue
        if not line.startswith(" "):
            members = sets.setdefault(word, [])
        else:
            members.append(word)
    return sets


def expand(name, sets):
    if not name.startswith("@"):
        return {name}
    return set().union(*(expand(member, sets) for member in sets[name]))


def read_unit(path):
    """The names of the calls that are allowed, and what the others end in."""
    sets = known_sets()
    allowed = expand("@default", sets)  # systemd adds it to every list of allowed calls
    otherwise = KILL_PROCESS
    with open(path, encoding="utf-8") as unit:
        for line in unit:
            key, _, value = line.strip().partition("=")
            if key == "SystemCallErrorNumber":
                otherwise = ERRNO | getattr(errno, value)
            elif key == "SystemCallFilter":
                named = set().union(*(expand(n, sets) for n in value.lstrip("~").split()))
                allowed = allowed - named if value.startswith("~") else allowed | named
    return allowed, otherwise


def enter(allowed, otherwise):
    try:
        seccomp = ctypes.CDLL("libseccomp.so.2")
    except OSError as fault:
        skip(fault)
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(otherwise)))
    for name in allowed:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # else one of other architectures
            seccomp.seccomp_rule_add_array(context, ctypes.c_uint32(ALLOW), number, 0, None)
    if (fault := seccomp.seccomp_load(context)) != 0:
        skip(f"seccomp: {os.strerror(-fault)}")


enter(*read_unit(sys.argv[1]))
os.execvp(sys.argv[2], sys.argv[2:])
