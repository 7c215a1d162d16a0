"""The home key: 32 bytes under which everything is sealed, and once it was rotated 32 more, the key of salts.

The salts of who was listed (`HomeVault.salt`) are not made anew with the rest: roots over them are in the log, and
another key would answer every earlier question with "not listed". So their key goes on behind each next home key.
"""

import os

from matcher.domain.ids import RandomBytes
from matcher.errors import IntegrityError
from matcher.store.crypto import KEY_BYTES, subkey

LENGTHS = (KEY_BYTES, 2 * KEY_BYTES)


def new_home_key(random: RandomBytes = os.urandom) -> bytes:
    """The first key of a home. It is wrapped before anything is stored."""
    return random(KEY_BYTES)


def next_home_key(home_key: bytes, random: RandomBytes = os.urandom) -> bytes:
    """A fresh key that keeps the salts of this one."""
    return random(KEY_BYTES) + salts_key(home_key)


def of_length(opened: bytes) -> bytes:
    """What a seal held that anybody can make. Raises IntegrityError where it is as long as no home key."""
    if len(opened) not in LENGTHS:
        raise IntegrityError("what was sealed as a home key is none")
    return opened


def sealing_key(home_key: bytes) -> bytes:
    """What every subkey for sealing is made of."""
    return home_key[:KEY_BYTES]


def salts_key(home_key: bytes) -> bytes:
    """The key of salts, for as long as the home exists."""
    return home_key[KEY_BYTES:] or subkey(home_key, "salts")
