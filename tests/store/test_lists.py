"""Lists and cohorts come back whole; nothing serves without the certificate that was signed for it."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from matcher.domain.ids import utc_text
from matcher.domain.watchlist import ListTerms, Watchlist
from matcher.errors import BadInput, IntegrityError, Refused
from tests.databases import RAW_REFUSED, both_engines
from tests.store.world import KEYS, NOON, POLICY, World, activate, certificate, cohort, report, revision, watchlist

pytestmark = both_engines


def _stored(world: World) -> Watchlist:
    with world.work(write=False) as work:
        found = work.lists.named("missing")
        assert found is not None
        assert work.lists.by_id("list1") == found
        return found


def test_a_draft_comes_back(peopled: World) -> None:
    plain = replace(watchlist("other", "list2"), terms=replace(watchlist().terms, prior=None, prior_source=None))
    with peopled.work() as work:
        work.lists.add(watchlist())
        work.lists.add(plain)
    assert _stored(peopled) == watchlist()
    with peopled.work(write=False) as work:
        assert list(work.lists.all()) == [watchlist(), plain]
        assert work.lists.named("nothing") is None
        assert work.lists.by_id("nothing") is None


def test_every_stage_of_a_life_comes_back(peopled: World) -> None:
    with peopled.work() as work:
        serving = activate(work)
        work.revisions.add(revision("r2", number=2))
    assert _stored(peopled) == serving
    successor = revision("r2", number=2)
    stages = [
        serving.loaded(successor, NOON),
        serving.loaded(successor, NOON).suspended("cai", "a complaint", NOON),
        serving.suspended("cai", "a complaint", NOON).retired(NOON),
    ]
    for stage in stages:
        with peopled.work() as work:
            work.lists.save(stage)
        assert _stored(peopled) == stage


def test_renewing_keeps_both_certificates(serving: World) -> None:
    later = certificate(lambda terms: replace(terms, lease_until=utc_text(NOON + timedelta(days=31))))
    before = _stored(serving)
    with serving.work() as work:
        work.lists.save(replace(before, certificate=later))
    assert _stored(serving).certificate == later
    with serving.work() as work:
        work.lists.save(before)
    assert _stored(serving) == before


def test_taken_names_are_bad_input(serving: World) -> None:
    with serving.work() as work, pytest.raises(BadInput, match="a list of this name"):
        work.lists.add(watchlist(list_id="list2"))
    with serving.work() as work, pytest.raises(BadInput, match="a cohort of this name"):
        work.cohorts.add(replace(cohort(), cohort_id="cohort2"))


def test_saving_what_was_never_added_is_bad_input(peopled: World) -> None:
    with peopled.work() as work, pytest.raises(BadInput, match="no list"):
        work.lists.save(watchlist())
    with peopled.work() as work, pytest.raises(BadInput, match="no cohort"):
        work.cohorts.save(cohort())


def test_a_number_too_large_is_bad_input(peopled: World) -> None:
    terms = ListTerms("p", "l", "o", watchlist().terms.expires, 10**30)
    with peopled.work() as work, pytest.raises(BadInput, match="too large"):
        work.lists.add(replace(watchlist(), terms=terms))


def test_revisions_are_numbered_once(serving: World) -> None:
    with serving.work() as work:
        assert work.revisions.get("r1") == revision()
        assert work.revisions.get("r9") is None
        with pytest.raises(Refused, match="load again"):
            work.revisions.add(revision("r2", number=1))


def test_cohorts_come_back(serving: World) -> None:
    whole = replace(cohort(), latest=revision("c1", "cohort1"))
    with serving.work(write=False) as work:
        assert work.cohorts.named("staff") == whole
        assert list(work.cohorts.all()) == [whole]
        assert work.cohorts.named("nobody") is None


def test_a_list_cannot_use_anothers_revision(serving: World) -> None:
    with serving.work() as work, pytest.raises(Refused):
        work.lists.save(replace(watchlist(), latest=revision("c1", "cohort1")))


def test_a_certificate_for_another_revision_does_not_serve(serving: World) -> None:
    with serving.work() as work:
        work.revisions.add(revision("r2", number=2))
    with serving.work() as work, pytest.raises(Refused, match="signed for"):
        work.lists.save(replace(_stored(serving), serving=revision("r2", number=2)))


def test_serving_without_a_certificate_is_refused(serving: World) -> None:
    for wrong in (replace(_stored(serving), certificate=None), replace(_stored(serving), serving=None)):
        with serving.work() as work, pytest.raises(Refused, match="signed for"):
            work.lists.save(wrong)


def test_the_loader_cannot_approve_under_another_name_in_the_terms(serving: World) -> None:
    """The terms name a loader; the table of revisions knows who it was."""
    forged = certificate(lambda terms: replace(terms, loaders=("ben",), approver="ada"))
    with serving.work() as work, pytest.raises(Refused, match=r"can approve it|an approver signs"):
        work.lists.save(replace(_stored(serving), certificate=forged))


def test_a_certificate_signed_with_another_key_is_refused(serving: World) -> None:
    terms = certificate().terms
    forged = replace(
        certificate(),
        signature=KEYS["cai"].sign(terms.signed_bytes()),
        approver_key=KEYS["cai"].public_key().public_bytes_raw(),
    )
    with serving.work() as work, pytest.raises(Refused, match="not there"):
        work.lists.save(replace(_stored(serving), certificate=forged))


def test_a_certificate_needs_its_report(serving: World) -> None:
    binding = replace(certificate().terms.binding, report_digest="0" * 64)
    unfounded = certificate(lambda terms: replace(terms, binding=binding))
    with serving.work() as work, pytest.raises(Refused, match="a report that certifies the list"):
        work.lists.save(replace(_stored(serving), certificate=unfounded))


RAW = [
    "UPDATE watchlists SET certificate_digest = NULL WHERE list_id = 'list1'",
    "UPDATE watchlists SET certificate_digest = 'x' WHERE list_id = 'list1'",
    "UPDATE watchlists SET serving_id = 'r9' WHERE list_id = 'list1'",
    "UPDATE watchlists SET serving_id = 'c1' WHERE list_id = 'list1'",
    "UPDATE watchlists SET serving_id = latest_id WHERE list_id = 'draft'",
    "UPDATE watchlists SET serving_id = 'r1', certificate_digest = 'x' WHERE list_id = 'draft'",
    "UPDATE watchlists SET (serving_id, certificate_digest) = "
    "(SELECT serving_id, certificate_digest FROM watchlists WHERE list_id = 'list1') WHERE list_id = 'draft'",
    "INSERT INTO watchlists SELECT 'list9', 'nine', purpose, legal_basis, owner, expires, searches_per_day, prior, "
    "prior_source, created_by, created_at, latest_id, latest_report, serving_id, certificate_digest, suspended_by, "
    "suspended_at, suspension_reason, retired_at FROM watchlists WHERE list_id = 'list1'",
    "UPDATE certificates SET approver = 'cai'",
    "DELETE FROM certificates",
    "INSERT INTO certificates SELECT 'new', list_id, revision_id, report_digest, 'ada', approver_key, terms, signature "
    "FROM certificates",
    "UPDATE revisions SET loaders = '[]'",
    "UPDATE revisions SET loaded_by = 'ben'",
    "DELETE FROM revisions",
    "UPDATE reports SET certified = 1",
    "DELETE FROM reports",
    "UPDATE policies SET body = x'00'",
]


@pytest.mark.parametrize("attack", RAW)
def test_raw_sql_with_foreign_keys_off_makes_no_list_serve(serving: World, attack: str) -> None:
    before = _stored(serving)
    with serving.work() as work:
        work.lists.add(watchlist("draft", "draft"))
        work.revisions.add(revision("d1", "draft"))
        work.lists.save(replace(watchlist("draft", "draft"), latest=revision("d1", "draft")))
    with pytest.raises(RAW_REFUSED):
        serving.raw(attack)
    assert _stored(serving) == before


@pytest.mark.parametrize(
    "change",
    [
        "terms = replace(terms, '400000', '100000')",
        "terms = replace(terms, 'up to 1 ', 'up to 0 ')",
        "terms = terms || ' '",
        "terms = '{}'",
        "signature = zeroblob(64)",
        "approver_key = (SELECT public_key FROM users WHERE name = 'cai')",
        "approver = 'cai'",
    ],
)
def test_an_altered_certificate_is_found_whenever_it_is_read(serving: World, change: str) -> None:
    serving.altered(f"UPDATE certificates SET {change}")  # noqa: S608
    with pytest.raises(IntegrityError):
        _stored(serving)


def test_a_key_put_under_an_approvers_name_is_found(serving: World) -> None:
    """Whoever owns the file swaps the approver's key: certificates signed before no longer fit."""
    serving.altered("UPDATE users SET public_key = zeroblob(32) WHERE name = 'ben'")
    with pytest.raises(IntegrityError, match="not signed by its approver"):
        _stored(serving)


def test_another_valid_certificate_of_another_list_is_found(serving: World) -> None:
    body = b'{"report":"of another list"}'
    digest = hashlib.sha256(body).hexdigest()
    binding = replace(certificate().terms.binding, report_digest=digest)
    other = certificate(lambda terms: replace(terms, list_id="list2", revision_id="x1", binding=binding))
    with serving.work() as work:
        work.lists.add(watchlist("other", "list2"))
        work.revisions.add(revision("x1", "list2"))
        work.reports.add(replace(report(digest, body), list_id="list2", revision_id="x1"), POLICY)
        serves = replace(watchlist("other", "list2"), latest=revision("x1", "list2"), latest_report=digest)
        work.lists.save(replace(serves, serving=revision("x1", "list2"), certificate=other))
    serving.altered(
        f"UPDATE watchlists SET certificate_digest = '{other.digest()}' WHERE list_id = 'list1'",  # noqa: S608
    )
    with pytest.raises(IntegrityError, match="for something else"):
        _stored(serving)


def test_a_row_that_says_something_else_than_was_signed_is_found(serving: World) -> None:
    """Its terms and signature are whole, and an index leads to it: one flipped byte of a page does that."""
    serving.altered("UPDATE certificates SET list_id = 'x'")
    with serving.work(write=False) as work, pytest.raises(IntegrityError, match="something else than was signed"):
        work.lists.all()
