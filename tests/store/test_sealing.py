"""The vault: what is sealed opens only here, unaltered, and for its own purpose."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.errors import IntegrityError
from matcher.store.crypto import subkey
from matcher.store.sealing import HomeVault

KEY = bytes(range(32))


def vault(key: bytes = KEY) -> HomeVault:
    return HomeVault(key, Path("/nonexistent"))


@given(st.text(st.characters(exclude_categories=["Cs"])), st.binary(max_size=200))
def test_what_is_sealed_opens_for_the_same_purpose(purpose: str, data: bytes) -> None:
    assert vault().open(purpose, vault().seal(purpose, data)) == data


def test_every_altered_byte_is_noticed() -> None:
    sealed = vault().seal("alerts.probe", b"a picture")
    for place in range(len(sealed)):
        altered = bytearray(sealed)
        altered[place] ^= 1
        with pytest.raises(IntegrityError):
            vault().open("alerts.probe", bytes(altered))


def test_every_cut_is_noticed() -> None:
    sealed = vault().seal("alerts.probe", b"a picture")
    for length in range(len(sealed)):
        with pytest.raises(IntegrityError):
            vault().open("alerts.probe", sealed[:length])
    with pytest.raises(IntegrityError):
        vault().open("alerts.probe", sealed + b"\0")


@pytest.mark.parametrize(("purpose", "key"), [("alerts.case", KEY), ("alerts.probe", bytes(32))])
def test_another_purpose_or_another_home_does_not_open(purpose: str, key: bytes) -> None:
    sealed = vault().seal("alerts.probe", b"a picture")
    with pytest.raises(IntegrityError):
        vault(key).open(purpose, sealed)


def test_sealing_twice_never_gives_the_same_bytes() -> None:
    assert len({vault().seal("p", b"same") for _ in range(50)}) == 50


def test_the_error_says_what_it_was_and_not_what_it_held() -> None:
    with pytest.raises(IntegrityError, match=r"alerts\.case"):
        vault().open("alerts.case", vault().seal("alerts.probe", b"Esi Stavros"))


def test_the_vault_does_not_show_its_keys() -> None:
    assert KEY.hex() not in repr(vault())
    assert not hasattr(vault(), "__dict__")


def test_subkeys_differ_by_use_and_salt_and_need_a_whole_key() -> None:
    assert len({subkey(KEY, "a"), subkey(KEY, "b"), subkey(KEY, "a", b"salt"), subkey(bytes(32), "a")}) == 4
    with pytest.raises(ValueError, match="32 bytes"):
        subkey(KEY[:31], "a")


def test_columns_and_containers_do_not_share_a_key(tmp_path: Path) -> None:
    """A chunk put into a column does not open, whatever its purpose is called."""
    held = HomeVault(KEY, tmp_path)
    with held.new_container("c") as writer:
        writer.append(b"x" * 50)
        writer.keep()
    raw = (tmp_path / "c.box").read_bytes()
    with pytest.raises(IntegrityError):
        held.open("containers", raw[-66:])
