"""How a list is divided among shards, and what a cluster's address may be; no Ray is needed."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain import shards
from matcher.domain.shards import ClusterAddress, ShardDigest, placed, shard_digests, shard_of
from matcher.errors import BadInput, IntegrityError, NotSearchable, Refused
from matcher.index.ray_process import environment_for
from matcher.index.shard import loaded
from matcher.services.cluster_node import Wanted, give_token, start
from matcher.store.lending import LentRevision, open_keys, seal_keys
from tests.index.ray_world import sealed


@pytest.mark.parametrize(
    ("text", "host", "port", "count", "reach"),
    [
        ("ray://127.0.0.1:6379", "127.0.0.1", 6379, 1, "loopback"),
        ("ray://127.0.0.1:6379?shards=7", "127.0.0.1", 6379, 7, "loopback"),
        ("ray://10.1.2.3:1?shards=1024", "10.1.2.3", 1, 1024, "private"),
        ("ray://172.32.0.1:65535", "172.32.0.1", 65535, 1, "other"),
        ("ray://192.168.1.1:6379", "192.168.1.1", 6379, 1, "private"),
        ("ray://[fd00::2]:6379", "fd00::2", 6379, 1, "private"),
        ("ray://[2001:db8::1]:6379", "2001:db8::1", 6379, 1, "other"),
        ("ray://0.0.0.0:6379", "0.0.0.0", 6379, 1, "other"),  # noqa: S104
    ],
)
def test_an_address_says_where_and_who_can_reach_it(text: str, host: str, port: int, count: int, reach: str) -> None:
    found = ClusterAddress.parse(text)
    assert (found.host, found.port, found.shards, found.reach) == (host, port, count, reach)


@pytest.mark.parametrize(
    "text",
    [
        "", "ray://", "127.0.0.1:6379", "http://127.0.0.1:6379", "ray://head:6379", "ray://127.0.0.1", "ray://1.2.3:5",
        "ray://127.0.0.1:0", "ray://127.0.0.1:65536", "ray://127.0.0.1:6379?shards=0", "ray://127.0.0.1:6379?shards=1025",
        "ray://127.0.0.1:6379?shards=2&x=1", "ray://127.0.0.1:6379/x", "ray://a@127.0.0.1:6379", "ray://127.0.0.1:6379\n",
    ],
)  # fmt: skip
def test_another_address_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="no address of a cluster"):
        ClusterAddress.parse(text)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text("ab\u00e9\U0001f600", max_size=6), unique=True, max_size=12),
    st.integers(1, 9),
    st.integers(0, 2**32),
)
def test_all_rows_of_a_subject_lie_in_one_shard_whatever_else_is_on_the_list(
    names: list[str], count: int, seed: int
) -> None:
    ids = tuple(sorted(names))
    owners = np.random.default_rng(seed).integers(0, max(1, len(ids)), 40 if ids else 0, dtype=np.int32)
    places = placed(ids, owners, count)
    assert [shard_of(ids[owner], count) for owner in owners] == places.tolist()


def test_what_an_actor_loads_has_the_digest_that_was_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = sealed(tmp_path, "a" * 64, 300, 90, 1)
    signed = shard_digests(held.digest, held.ids, held.owners, held.sealed_rows, 7)
    monkeypatch.setattr(shards, "ROWS_AT_ONCE", 32)  # the size of a piece must not matter
    places = placed(held.ids, held.owners, 7)
    for shard in range(7):
        mine = np.flatnonzero(places == shard).astype(np.int32)
        index, digest = loaded(held.digest, mine, held.owners, held.sealed_rows, (shard, 7))
        assert digest == signed[shard]
        wanted = {hit.subject for hit in held.embedded.at_or_above(held.rows[:5], 0).hits[0]} & set(held.owners[mine])
        assert {hit.subject for hit in index.at_or_above(held.rows[:5], 0).hits[0]} == wanted


@pytest.mark.parametrize("changed", ["revision", "shard", "count", "owner", "row"])
def test_a_shard_of_anything_else_has_another_digest(changed: str) -> None:
    def digest(what: str) -> str:
        made = ShardDigest("b" if what == "revision" else "a", int(what == "shard"), 3 + (what == "count"))
        rows = np.ones((2, 4), np.float32)
        rows[1, 3] += what == "row"
        made.take(np.array([0, 1 + (what == "owner")], np.int32), rows)
        return made.hex()

    assert digest(changed) != digest("")


def test_lent_keys_open_for_one_process_and_two_containers_only(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    held = sealed(tmp_path, "a" * 64, 50, 9, 1)
    other = sealed(tmp_path, "b" * 64, 50, 9, 2)
    own, stranger = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    given_keys = held.lender.seal(own.public_key().public_bytes_raw())
    ids, owners, rows = held.lender.facts.open(own.private_bytes_raw(), given_keys)
    assert (ids, owners.tolist()) == (held.ids, held.owners.tolist())
    assert rows.take(np.arange(50, dtype=np.int32)).tobytes() == held.rows.tobytes()
    with pytest.raises(IntegrityError):
        held.lender.facts.open(stranger.private_bytes_raw(), given_keys)
    with pytest.raises(IntegrityError):
        other.lender.facts.open(own.private_bytes_raw(), given_keys)
    facts = held.lender.facts
    renamed = LentRevision("c" * 64, facts.folder, facts.templates_id, facts.screen_id)
    with pytest.raises(NotSearchable, match="another revision"):
        renamed.open(own.private_bytes_raw(), given_keys)
    keys = open_keys(given_keys, facts.containers, own.private_bytes_raw())
    swapped = (facts.screen_id, facts.templates_id)
    with pytest.raises(IntegrityError):
        open_keys(given_keys, swapped, own.private_bytes_raw())
    assert not any(key in given_keys for key in keys.values())
    with pytest.raises(IntegrityError, match="gave no key to seal to"):
        seal_keys([bytes(32)], ("x",), bytes(32))


def test_nothing_runs_or_is_asked_without_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    public = ClusterAddress.parse("ray://203.0.113.5:6379")
    for wanted in (Wanted(public, None, 1), Wanted(ClusterAddress.parse("ray://10.0.0.1:6379"), "10.0.0.2", 1)):
        with pytest.raises(Refused, match="without a token"):
            start(tmp_path / "cluster", wanted)
    assert not (tmp_path / "cluster" / "token").exists()
    empty: dict[str, str] = {}
    assert not give_token(empty, tmp_path / "cluster")
    with pytest.raises(Refused, match="never used without a token"):
        environment_for(public, empty)


@pytest.mark.parametrize(("content", "mode"), [(b"a" * 64, 0o640), (b"a" * 64, 0o604), (b"", 0o600)])
def test_a_token_that_others_may_read_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, mode: int
) -> None:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    token = tmp_path / "token"
    token.write_bytes(content)
    token.chmod(mode)
    with pytest.raises(Refused, match="others may read it"):
        give_token({}, tmp_path)
    token.write_bytes(b"a" * 64)
    token.chmod(0o600)
    environment: dict[str, str] = {}
    assert give_token(environment, tmp_path)
    assert environment == {"RAY_AUTH_TOKEN_PATH": str(token)}


def test_a_node_gets_no_secret_of_its_starter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, str] = {}

    def started(*_: object, env: dict[str, str], **__: object) -> object:
        given.update(env)
        raise OSError("not started")

    monkeypatch.setattr("matcher.services.cluster_node.subprocess.Popen", started)
    monkeypatch.setattr("matcher.services.cluster_node._SESSIONS", str(tmp_path))
    monkeypatch.setenv("MATCHER_PASSPHRASE", "correct horse battery")
    monkeypatch.setenv("MATCHER_DATABASE", "postgresql+psycopg://ana:secret@db/faces")
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    with pytest.raises(OSError, match="not started"):
        start(tmp_path / "cluster", Wanted(ClusterAddress.parse("ray://127.0.0.1:6379"), None, 1))
    assert not list(tmp_path.glob("matcher-node-*"))
    assert "PATH" in given
    assert given["RAY_AUTH_MODE"] == "token"
    assert not [name for name in given if name.startswith(("MATCHER_", "PG"))]
