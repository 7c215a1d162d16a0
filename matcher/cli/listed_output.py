"""Proofs that somebody was listed: as a file, and what they say."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matcher.cli.output import Output, local_text
from matcher.domain.listed import ListedProof
from matcher.errors import BadInput, StorageFailed

if TYPE_CHECKING:
    from matcher.services.listed import InForce, Listed

_MOST_BYTES = 1 << 20


def print_listed(output: Output, found: "Sequence[Listed]", out: Path | None) -> None:
    """Whether somebody was listed; proofs go to a file where one is named. Raises StorageFailed."""
    proofs = [one.proof for one in found if one.proof is not None]
    if out is not None:
        try:
            out.write_text(json.dumps([asdict(one) for one in proofs], indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise StorageFailed(f"{out} cannot be written: {error.strerror}") from None
    lines = [f"{_told(one.activation)}: {'listed' if one.proof else 'not listed'}" for one in found]
    value = [
        _facts(one.activation)
        | {"listed": one.proof is not None, "proof": None if one.proof is None else asdict(one.proof)}
        for one in found
    ]
    output.result({"activations": value}, "\n".join(lines) or "no list was in force on that day")


def print_checked(output: Output, found: "Sequence[tuple[ListedProof, InForce]]") -> None:
    """Proofs that hold."""
    lines = [f"{_told(one)}: listed, at place {proof.place + 1} of {proof.size}" for proof, one in found]
    value = [_facts(one) | {"subject_id": proof.subject_id, "verified": True} for proof, one in found]
    output.result({"proofs": value}, "\n".join(lines) or "the file holds no proof")


def read_proofs(path: Path) -> Sequence[ListedProof]:
    """The proofs of a file. Raises BadInput."""
    import msgspec

    from matcher.store.input_files import open_input

    with open_input(path) as file:
        raw = file.read(_MOST_BYTES + 1)
    try:
        return msgspec.json.decode(raw, type=list[ListedProof])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadInput(f"{path} holds no proofs as matcher watchlist listed writes them") from None


def _told(one: "InForce") -> str:
    from matcher.domain.ids import utc_text

    begins, ends = (local_text(utc_text(moment)) for moment in (one.begins, one.ends))
    return f"list {one.list_name}, in force from {begins} to {ends} (log entry {one.sequence})"


def _facts(one: "InForce") -> dict[str, Any]:
    return {
        "list": one.list_name,
        "certificate": one.certificate,
        "log_entry": one.sequence,
        "from": one.begins.isoformat(),
        "until": one.ends.isoformat(),
        "root": one.root,
        "subjects": one.size,
    }
