"""Reports and policies: kept under the digest of their bytes, and believed only while that holds."""

import hashlib
from dataclasses import replace

import pytest

from matcher.domain.policy import Certification, Policy
from matcher.errors import IntegrityError, Refused
from tests.databases import both_engines
from tests.store.world import BODY, POLICY, REPORT, World, report

pytestmark = both_engines


def test_a_report_and_its_policy_come_back(serving: World) -> None:
    with serving.work(write=False) as work:
        assert work.reports.get(REPORT) == report()
        assert work.reports.policy(POLICY.digest()) == POLICY
        assert work.reports.get("0" * 64) is None
        with pytest.raises(Refused):
            work.reports.policy("0" * 64)


def test_adding_the_same_report_again_changes_nothing(serving: World) -> None:
    with serving.work() as work:
        work.reports.add(replace(report(), made_by="ben"), POLICY)
    with serving.work(write=False) as work:
        assert list(work.reports.of_list("list1")) == [report()]


def test_reports_of_a_list_are_in_the_order_of_making(serving: World) -> None:
    loose = Policy(certification=Certification(alpha=0.01))
    bodies = [b"{}", b"[]", b"0"]
    made = []
    with serving.work() as work:
        for body in bodies:
            digest = hashlib.sha256(body).hexdigest()
            one = replace(report(digest, body), made_at=serving.watch.forward(days=1), policy_digest=loose.digest())
            made.append(replace(one, certified=False))
            work.reports.add(made[-1], loose)
    with serving.work(write=False) as work:
        assert list(work.reports.of_list("list1")) == [report(), *made]
        assert list(work.reports.of_list("list2")) == []
        assert work.reports.policy(loose.digest()) == loose


def test_a_wrong_digest_is_not_stored(serving: World) -> None:
    with serving.work() as work, pytest.raises(IntegrityError, match="a report"):
        work.reports.add(report("0" * 64, b"{}"), POLICY)
    with serving.work() as work, pytest.raises(IntegrityError, match="policy"):
        work.reports.add(report(), Policy(certification=Certification(alpha=0.01)))


def test_a_report_of_no_revision_is_refused(serving: World) -> None:
    lost = replace(report(hashlib.sha256(b"{}").hexdigest(), b"{}"), revision_id="r9")
    with serving.work() as work, pytest.raises(Refused, match="not there"):
        work.reports.add(lost, POLICY)


def test_an_altered_report_is_found(serving: World) -> None:
    altered = (BODY[:-1] + b"!").hex()
    serving.raw("DROP TRIGGER reports_never_changed", f"UPDATE reports SET body = x'{altered}'")  # noqa: S608
    with serving.work(write=False) as work:
        with pytest.raises(IntegrityError, match="a report"):
            work.reports.get(REPORT)
        with pytest.raises(IntegrityError, match="a report"):
            work.reports.of_list("list1")


def test_an_altered_policy_is_found(serving: World) -> None:
    serving.raw("DROP TRIGGER policies_never_changed", "UPDATE policies SET body = x'7b7d'")
    with serving.work(write=False) as work, pytest.raises(IntegrityError, match="a policy"):
        work.reports.policy(POLICY.digest())
