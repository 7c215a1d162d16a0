"""The tree against the recursive definitions of RFC 6962 section 2.1, and against roots that others published."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.merkle import (
    EMPTY_ROOT,
    Frontier,
    Tree,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# The eight leaves and the roots over the first n of them that the Certificate Transparency reference tests use.
KNOWN_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
KNOWN_ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}

leaf_lists = st.lists(st.binary(max_size=40), min_size=1, max_size=70)


def split(count: int) -> int:
    k = 1
    while k * 2 < count:
        k *= 2
    return k


def naive_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*naive_path(index, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(index - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(first: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    if first == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = split(len(leaves))
    if first <= k:
        return [*naive_subproof(first, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_subproof(first - k, leaves[k:], False), naive_root(leaves[:k])]


@pytest.mark.parametrize(("size", "root"), KNOWN_ROOTS.items())
def test_published_roots(size: int, root: str) -> None:
    assert root_of(KNOWN_LEAVES[:size]).hex() == root


def test_no_leaves_have_the_hash_of_nothing() -> None:
    assert root_of([]) == Tree().root() == Frontier().root() == EMPTY_ROOT == naive_root([])


@given(leaf_lists, st.data())
def test_roots_of_every_earlier_size_are_the_recursive_definition(leaves: list[bytes], data: st.DataObject) -> None:
    size = data.draw(st.integers(0, len(leaves)))
    assert Tree(leaves).root(size) == root_of(leaves[:size]) == naive_root(leaves[:size])


@given(leaf_lists, st.data())
def test_a_frontier_goes_on_from_its_peaks(leaves: list[bytes], data: st.DataObject) -> None:
    size = data.draw(st.integers(0, len(leaves)))
    first = Frontier()
    for leaf in leaves[:size]:
        first.append(leaf)
    second = Frontier(size, first.peaks)
    for leaf in leaves[size:]:
        second.append(leaf)
    assert (second.size, second.root()) == (len(leaves), naive_root(leaves))
    with pytest.raises(ValueError, match="not the peaks"):
        Frontier(size, first.peaks + EMPTY_ROOT)


@given(leaf_lists, st.data())
def test_inclusion_proofs_are_the_recursive_definition_and_verify(leaves: list[bytes], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(leaves)))
    index = data.draw(st.integers(0, size - 1))
    proof, root = Tree(leaves).inclusion(index, size), naive_root(leaves[:size])
    assert list(proof) == naive_path(index, leaves[:size])
    assert verify_inclusion(leaves[index], index, size, proof, root)


@given(leaf_lists, st.data())
def test_consistency_proofs_are_the_recursive_definition_and_verify(leaves: list[bytes], data: st.DataObject) -> None:
    second = data.draw(st.integers(1, len(leaves)))
    first = data.draw(st.integers(1, second))
    proof = Tree(leaves).consistency(first, second)
    assert list(proof) == naive_subproof(first, leaves[:second], True)
    assert verify_consistency(first, second, proof, naive_root(leaves[:first]), naive_root(leaves[:second]))


@given(leaf_lists, st.data())
def test_an_inclusion_proof_says_nothing_about_anything_else(leaves: list[bytes], data: st.DataObject) -> None:
    size = len(leaves)
    index = data.draw(st.integers(0, size - 1))
    proof, root = Tree(leaves).inclusion(index), naive_root(leaves)
    assert not verify_inclusion(leaves[index] + b"x", index, size, proof, root)
    assert not verify_inclusion(leaves[index], index, size, proof, leaf_hash(root))
    assert not verify_inclusion(leaves[index], index, size, (*proof, EMPTY_ROOT), root)
    assert not verify_inclusion(leaves[index], size, size, proof, root)
    assert not verify_inclusion(leaves[index], -1, size, proof, root)
    assert not verify_inclusion(leaves[index], index, 2 * size + 1, proof, root)  # a taller tree needs a longer proof
    for place in range(len(proof)):
        assert not verify_inclusion(leaves[index], index, size, proof[:place] + proof[place + 1 :], root)
        bent = (*proof[:place], leaf_hash(proof[place]), *proof[place + 1 :])
        assert not verify_inclusion(leaves[index], index, size, bent, root)
        short = (*proof[:place], proof[place][:-1], *proof[place + 1 :])
        assert not verify_inclusion(leaves[index], index, size, short, root)


@given(leaf_lists, st.data())
def test_a_changed_beginning_has_no_consistency_proof(leaves: list[bytes], data: st.DataObject) -> None:
    second = len(leaves)
    first = data.draw(st.integers(1, second))
    place = data.draw(st.integers(0, first - 1))
    changed = [*leaves[:place], leaves[place] + b"x", *leaves[place + 1 :]]
    proof = Tree(changed).consistency(first)
    old, new = naive_root(leaves[:first]), naive_root(changed)
    assert not verify_consistency(first, second, proof, old, new)
    assert not verify_consistency(first, second, Tree(leaves).consistency(first), old, new)
    assert not verify_consistency(second + 1, second, proof, old, new)
    assert not verify_consistency(0, second, proof, old, new)
    assert not verify_consistency(first, second, (*proof, EMPTY_ROOT), naive_root(changed[:first]), new)


@given(st.lists(st.binary(max_size=8), min_size=3, max_size=40), st.data())
def test_every_step_of_a_consistency_proof_counts(leaves: list[bytes], data: st.DataObject) -> None:
    second = len(leaves)
    first = data.draw(st.integers(1, second - 1))
    proof = Tree(leaves).consistency(first)
    old, new = naive_root(leaves[:first]), naive_root(leaves)
    assert not verify_consistency(first, 2 * second + 2, proof, old, new)  # a taller tree needs a longer proof
    for place in range(len(proof)):
        assert not verify_consistency(first, second, proof[:place] + proof[place + 1 :], old, new)
        bent = (*proof[:place], leaf_hash(proof[place]), *proof[place + 1 :])
        assert not verify_consistency(first, second, bent, old, new)
    assert not verify_consistency(first, second, (), old, new)


def test_a_node_cannot_be_passed_off_as_a_leaf() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


@pytest.mark.parametrize(("index", "size"), [(3, 3), (-1, 3), (0, 4), (0, 0)])
def test_a_proof_outside_the_tree_is_refused(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="does not stand"):
        Tree([b"a", b"b", b"c"]).inclusion(index, size)


def test_a_root_or_a_comparison_outside_the_tree_is_refused() -> None:
    tree = Tree([b"a", b"b", b"c"])
    with pytest.raises(ValueError, match="no root"):
        tree.root(4)
    for first in (0, 4):
        with pytest.raises(ValueError, match="cannot be compared"):
            tree.consistency(first)
