"""A home that can only be read, for the rest of this process.

On a read-only mount of itself where this process may mount (EROFS); elsewhere without the permission to write
(EACCES), which root must first give up the power to ignore.
"""

import ctypes
import os
from pathlib import Path

_NEW_MOUNTS = 0x00020000  # CLONE_NEWNS
_BIND, _REMOUNT, _READ_ONLY = 4096, 32, 1
_PRIVATE, _RECURSIVE = 1 << 18, 16384
_CAPABILITIES_3 = 0x20080522
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2
_C = ctypes.CDLL(None, use_errno=True)


def make_read_only(home: Path) -> None:
    """Raises RuntimeError where it still can be written to."""
    try:
        _mount(home)
    except OSError:
        _forbid(home)
    try:
        (home / "probe").touch()
    except OSError:
        return
    raise RuntimeError("the home can still be written to: this trial would show nothing")


def _mount(home: Path) -> None:
    place = os.fsencode(home)
    _call("unshare", _NEW_MOUNTS)
    _call("mount", None, b"/", None, ctypes.c_ulong(_PRIVATE | _RECURSIVE), None)
    _call("mount", place, place, None, ctypes.c_ulong(_BIND), None)
    _call("mount", None, place, None, ctypes.c_ulong(_REMOUNT | _BIND | _READ_ONLY), None)


def _forbid(home: Path) -> None:
    for path in (home, *home.rglob("*")):
        path.chmod(0o500 if path.is_dir() else 0o400)
    if os.geteuid() == 0:
        header = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0)
        held = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice
        _call("capget", header, held)
        held[0] &= ~(1 << _DAC_OVERRIDE | 1 << _DAC_READ_SEARCH)
        _call("capset", header, held)


def _call(name: str, *words: object) -> None:
    if getattr(_C, name)(*words):
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")
