"""Signed notes: the published example of the format, round trips, and everything that is not exactly one."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.checkpoint import (
    Checkpoint,
    grow,
    key_id,
    origin_of,
    parse_note,
    signed,
    verifier_key,
)
from matcher.domain.merkle import Frontier
from matcher.errors import BadInput, IntegrityError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
CHECKPOINT = Checkpoint(origin_of("abc"), 17, hashlib.sha256(b"root").digest())
NOTE = signed(CHECKPOINT, PUBLIC, KEY.sign)


def test_the_text_is_that_of_the_format() -> None:
    body, signature = NOTE.text().split("\n\n")
    assert body == f"watchlist-matcher/abc\n17\n{base64.b64encode(CHECKPOINT.root).decode()}"
    dash, name, blob = signature.removesuffix("\n").split(" ")
    raw = base64.b64decode(blob)
    assert (dash, name) == ("—", "watchlist-matcher/abc")
    assert raw[:4] == hashlib.sha256(b"watchlist-matcher/abc\n\x01" + PUBLIC).digest()[:4]
    KEY.public_key().verify(raw[4:], (body + "\n").encode())


def test_the_key_of_the_published_example_has_its_key_id() -> None:
    # The example of golang.org/x/mod/sumdb/note, whose format C2SP signed-note is.
    name, identity, data = "PeterNeumann", "c74f20a3", "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    public = base64.b64decode(data)[1:]
    assert key_id(name, public).hex() == identity
    assert verifier_key(name, public) == f"{name}+{identity}+{data}"


@given(st.integers(0, 10**15), st.binary(min_size=32, max_size=32))
def test_a_note_comes_back_as_it_was(size: int, root: bytes) -> None:
    note = signed(Checkpoint(origin_of("x"), size, root), PUBLIC, KEY.sign)
    assert parse_note(note.text(), "it") == note
    assert note.signer([OTHER.public_key().public_bytes_raw(), PUBLIC]) == PUBLIC


@given(st.integers(0, len(NOTE.text()) - 1), st.characters(codec="utf-8"))
def test_no_changed_letter_is_taken(place: int, letter: str) -> None:
    text = NOTE.text()
    changed = text[:place] + letter + text[place + 1 :]
    if changed == text:
        return
    with pytest.raises((BadInput, IntegrityError)):
        parse_note(changed, "it").signer([PUBLIC])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        NOTE.text()[:-1],
        NOTE.text() + "\n",
        NOTE.text().replace("\n17\n", "\n017\n"),
        NOTE.text().replace("\n17\n", "\n-1\n"),
        NOTE.text().replace("\n17\n", "\n１７\n"),
        NOTE.text().replace("\n17\n", "\n17\n17\n"),
        NOTE.text().replace("— ", "- "),
        NOTE.text().replace("— watchlist", "— watch+list"),
        replace(CHECKPOINT, root=b"short").text() + "\n" + NOTE.text().split("\n\n")[1],
    ],
)
def test_what_is_not_exactly_a_note_is_none(text: str) -> None:
    with pytest.raises(BadInput, match="no checkpoint"):
        parse_note(text, "it")


def test_a_witness_may_sign_too_and_is_not_looked_at() -> None:
    both = replace(NOTE, signatures=(("witness.example/w", b"1234" + bytes(64)), *NOTE.signatures))
    assert parse_note(both.text(), "it").signer([PUBLIC]) == PUBLIC


def test_a_signature_counts_under_the_name_of_the_log_only() -> None:
    elsewhere = replace(NOTE, signatures=(("watchlist-matcher/other", NOTE.signatures[0][1]),))
    with pytest.raises(IntegrityError, match="no key that the log names"):
        elsewhere.signer([PUBLIC])
    with pytest.raises(IntegrityError, match="no key that the log names"):
        NOTE.signer([OTHER.public_key().public_bytes_raw()])


def test_what_is_no_hash_is_no_leaf() -> None:
    with pytest.raises(IntegrityError, match="at entry 1"):
        grow(Frontier(), "not a hash")
