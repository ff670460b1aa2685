"""Becomes a program of a container: runs in its network and in a mount namespace of its own, and makes there what an
engine makes: a root folder of what the image has, read-only, volumes, secrets, memory for temporary files, the user,
no capabilities.

    box.py SPECIFICATION.json      (see `engine.py`, which writes it)
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
DEVICES = ["null", "zero", "full", "random", "urandom", "tty"]


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def bind(source: str, target: str, *, writable: bool = False) -> None:
    place = Path(target)
    if Path(source).is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    mount("--bind", source, target)
    if not writable:
        mount("-o", "remount,bind,ro", target)


def furnish(root: str, spec: dict[str, Any]) -> None:
    mount("-t", "tmpfs", "-o", "size=16m,mode=0755", "root", root)
    for source, target in spec["image"]:
        if os.path.islink(source):
            os.symlink(os.readlink(source), root + target)
        else:
            bind(source, root + target)
    # Folders that are in /usr today, where the image leaves these links to its installation.
    for folder in ("bin", "sbin", "lib", "lib64"):
        if not os.path.lexists(f"{root}/{folder}") and os.path.isdir(f"{root}/usr/{folder}"):
            os.symlink(f"usr/{folder}", f"{root}/{folder}")
    for name, text in spec["files"].items():
        file = Path(root + name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for folder in ("proc", "dev", "dev/shm"):
        Path(root, folder).mkdir(parents=True, exist_ok=True)
    for device in DEVICES:
        bind(f"/dev/{device}", f"{root}/dev/{device}", writable=True)
    for name, target in [("fd", "fd"), ("stdout", "fd/1"), ("stderr", "fd/2")]:
        os.symlink(f"/proc/self/{target}", f"{root}/dev/{name}")
    mount("--rbind", "/proc", f"{root}/proc")
    mount("-t", "tmpfs", "-o", f"size={spec['shm_bytes']},mode=1777", "shm", f"{root}/dev/shm")
    for volume in spec["volumes"]:
        bind(volume["source"], root + volume["target"], writable=volume["writable"])
    for entry in spec["tmpfs"]:
        target, _, options = entry.partition(":")
        Path(root + target).mkdir(parents=True, exist_ok=True)
        mount("-t", "tmpfs", "-o", options or "mode=1777", "tmpfs", root + target)
    if spec["read_only"]:
        mount("-o", "remount,ro", root)


def main() -> None:
    spec = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    root, user, group = spec["root"], spec["user"], spec["group"]
    furnish(root, spec)
    # Read before the change of root: nothing of Python is below it.
    last_capability = int(Path("/proc/sys/kernel/cap_last_cap").read_text(encoding="ascii"))
    # Who opens /dev/stdout needs a right to it.
    for stream in (1, 2):
        os.fchown(stream, user, group)
    os.chroot(root)
    os.chdir("/")
    resource.setrlimit(resource.RLIMIT_NOFILE, (spec["open_files"], spec["open_files"]))
    libc = ctypes.CDLL(None, use_errno=True)
    if spec["no_capabilities"]:
        for capability in range(last_capability + 1):
            if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "dropping capabilities")
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    if spec["no_new_privileges"] and libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "forbidding new privileges")
    os.execvpe(spec["command"][0], spec["command"], spec["environment"])


main()
