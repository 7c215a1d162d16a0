"""Checkpoints of the log: its size and the root of its tree, as a signed note that anybody can keep and compare.

1. The text is a C2SP tlog-checkpoint: origin, size in decimal, root in base64, each on its line. Leaf n of the tree is
   the 32 bytes of the hash of entry n + 1 (`merkle.py`).
2. The note is a C2SP signed-note: the text, an empty line, then ``— NAME BASE64(key id || signature)`` lines. The name
   is the origin; an Ed25519 key's id is the first 4 bytes of ``SHA-256(NAME || 0x0A || 0x01 || public key)``.
3. Signatures by other keys are other people's business (a witness may add one): they are kept and not looked at.
4. A note that says anything in two ways (a size of ``007``, loose base64) is none.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from matcher.domain.certificate import verify_signature
from matcher.domain.merkle import Frontier
from matcher.errors import BadInput, IntegrityError

MOST_NOTE_BYTES = 16_384
_ED25519 = b"\x01"
_DASH = "— "
_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How many entries the log of a home had, and the root of the tree over their hashes."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint with the signatures under it: (name, key id and signature) each."""

    checkpoint: Checkpoint
    signatures: tuple[tuple[str, bytes], ...]

    def text(self) -> str:
        """The whole note, as it is kept."""
        lines = "".join(f"{_DASH}{name} {_base64(blob)}\n" for name, blob in self.signatures)
        return f"{self.checkpoint.text()}\n{lines}"

    def signer(self, keys: Iterable[bytes]) -> bytes:
        """Which of these public keys signed it. Raises IntegrityError where none did, or one seems to have and did not.

        A key's signature counts under the origin's name only.
        """
        known = {key_id(self.checkpoint.origin, key): key for key in keys}
        for name, blob in self.signatures:
            if name == self.checkpoint.origin and blob[:4] in known:
                key = known[blob[:4]]
                verify_signature(
                    key, blob[4:], self.checkpoint.text().encode(), f"checkpoint of {self.checkpoint.size}"
                )
                return key
        raise IntegrityError(f"the checkpoint of {self.checkpoint.size} entries is signed by no key that the log names")


def origin_of(home_id: str) -> str:
    """The name of a home's log, and of the key under its checkpoints."""
    return f"watchlist-matcher/{home_id}"


def key_id(name: str, public_key: bytes) -> bytes:
    """Rule 2."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public_key).digest()[:4]


def verifier_key(name: str, public_key: bytes) -> str:
    """The public key as C2SP signed-note writes it, for other people's tools."""
    return f"{name}+{key_id(name, public_key).hex()}+{_base64(_ED25519 + public_key)}"


def signed(checkpoint: Checkpoint, public_key: bytes, sign: Callable[[bytes], bytes]) -> Note:
    """The checkpoint under one signature."""
    blob = key_id(checkpoint.origin, public_key) + sign(checkpoint.text().encode())
    return Note(checkpoint, ((checkpoint.origin, blob),))


def parse_note(text: str, what: str) -> Note:
    """A note from its text; `what` says where it was read. Raises BadInput for anything that is not exactly one."""
    try:
        body, _, lines = text.rpartition("\n\n")
        origin, size, root, *rest = body.split("\n")
        if rest or not _SIZE.fullmatch(size) or not lines.endswith("\n"):
            raise ValueError(size)
        note = Note(
            Checkpoint(origin, int(size), _bytes(root)), tuple(_signature(one) for one in lines[:-1].split("\n"))
        )
    except (ValueError, binascii.Error):
        raise BadInput(f"{what} is no checkpoint: give a file that `matcher audit checkpoint` wrote") from None
    if note.text() != text or len(note.checkpoint.root) != 32:
        raise BadInput(f"{what} is no checkpoint: give a file that `matcher audit checkpoint` wrote")
    return note


def grow(frontier: Frontier, entry_hash: str) -> None:
    """Adds the leaf of the next entry. Raises IntegrityError for what is no hash."""
    try:
        frontier.append(bytes.fromhex(entry_hash))
    except ValueError:
        raise IntegrityError(f"the log is broken at entry {frontier.size + 1}: its hash is none") from None


def _signature(line: str) -> tuple[str, bytes]:
    name, encoded = line.removeprefix(_DASH).split(" ")
    if not line.startswith(_DASH) or not name or "+" in name:
        raise ValueError(line)
    return name, _bytes(encoded)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
