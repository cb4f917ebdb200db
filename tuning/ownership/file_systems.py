"""Whether a lock on a file keeps out all who may want it: on a local disk it does, over a network not always."""

from __future__ import annotations

import os
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_OF_ONE_MACHINE = {
    *("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "tmpfs", "ramfs", "overlay", "squashfs"),
    *("vfat", "exfat", "ntfs3", "hfsplus", "apfs", "jfs", "reiserfs", "nilfs2"),
}
_NOT_SHARED = ("nolock", "local_lock=all", "local_lock=flock", "nobrl", "localflocks", "noflock")
"""Mount options of NFS, CIFS and Lustre that keep locks to one machine, or have none."""


def locks_reach_all(folder: Path) -> bool:
    """Whether a lock keeps out other machines too, as far as the file system says; True where there are none."""
    found = _mount(folder)
    return found is None or found[0] in _OF_ONE_MACHINE or not set(_NOT_SHARED) & set(found[1])


def kind(folder: Path) -> str:
    """The file system's name and the options that say how it locks, for a person."""
    name, options = _mount(folder) or ("unknown file system", [])
    return ", ".join([name, *(option for option in options if option in _NOT_SHARED)])


def lock_holds(file: Path) -> bool:
    """Whether a lock on `file` that this process holds keeps a second one out: some file systems only pretend."""
    try:
        import fcntl
    except ImportError:  # Windows, where it does
        return True
    descriptor = os.open(file, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _mount(folder: Path) -> tuple[str, list[str]] | None:
    """The type and the options of the file system that a folder is on."""
    try:
        lines = [line.split() for line in _MOUNTS.read_text().splitlines()]
        device = folder.stat().st_dev
    except OSError:
        return None
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for fields in lines:  # ID, parent, device, root, mount point, options, ..., "-", type, source, its options
        if len(fields) > 6 and fields[2] == wanted and "-" in fields:
            end = fields.index("-")
            return fields[end + 1], [*fields[5].split(","), *fields[-1].split(",")]
    return None
