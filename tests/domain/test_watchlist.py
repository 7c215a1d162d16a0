"""The life of a list is a pure function of what is stored and the time."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from matcher.domain.certificate import Binding, Certificate, CertificateTerms
from matcher.domain.ids import utc_text
from matcher.domain.revision import Revision
from matcher.domain.template import ModelIdentity
from matcher.domain.watch import Refutation
from matcher.domain.watchlist import ListState, ListTerms, Suspension, Watchlist
from matcher.errors import AnotherPersonNeeded, BadInput, IntegrityError, NotSearchable, Refused

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MODEL = ModelIdentity("e@1", "d@1", "p1", "r1", 4)
REVISION = Revision("rev", "list", 1, "a" * 64, MODEL, 1, 1, 0, "loader", NOW, ("loader",), "unseen")
TERMS = ListTerms("find", "consent", "unit", date(2026, 12, 31), 20)
DRAFT = Watchlist("list", "missing", TERMS, "loader", NOW)


def terms(**changes: object) -> CertificateTerms:
    binding = Binding("a" * 64, MODEL.text(), "c" * 64, "d" * 64, "e" * 64, 700_000)
    given = {
        "list_id": "list",
        "revision_id": "rev",
        "binding": binding,
        "tier": "pilot",
        "alpha": "0.02",
        "subjects": 1,
        "consequence": "up to 1 false alarms a day",
        "consequence_number": 1,
        "loaders": ("first", "loader"),
        "approver": "vera",
        "issued_at": utc_text(NOW),
        "lease_until": utc_text(NOW + timedelta(hours=24)),
        "report_made_at": utc_text(NOW),
        "previous": "",
    }
    return CertificateTerms(**(given | changes))  # type: ignore[arg-type]


def signed(signed_terms: CertificateTerms) -> Certificate:
    key = Ed25519PrivateKey.generate()
    return Certificate(signed_terms, key.sign(signed_terms.signed_bytes()), key.public_key().public_bytes_raw())


def test_states_follow_from_what_is_stored_and_the_time() -> None:
    loaded = DRAFT.loaded(REVISION, NOW)
    calibrated = loaded.calibrated("e" * 64, True, NOW)
    active = calibrated.activated(REVISION, signed(terms()), NOW)
    assert [one.state(NOW) for one in (DRAFT, loaded, calibrated, active)] == [
        ListState.DRAFT,
        ListState.ENROLLED,
        ListState.CALIBRATED,
        ListState.ACTIVE,
    ]
    assert active.state(NOW + timedelta(hours=24)) is ListState.LAPSED
    assert active.state(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) is ListState.LAPSED
    assert active.state(datetime(2027, 1, 1, tzinfo=UTC)) is ListState.EXPIRED
    assert active.suspended("ana", "wrong pictures", NOW).state(NOW) is ListState.SUSPENDED
    assert active.retired(NOW).state(NOW) is ListState.RETIRED


def test_the_active_revision_serves_until_its_successor_is_activated() -> None:
    active = DRAFT.loaded(REVISION, NOW).calibrated("e" * 64, True, NOW).activated(REVISION, signed(terms()), NOW)
    edited = active.loaded(replace(REVISION, revision_id="rev2", number=2), NOW)
    assert edited.require_active(NOW)[0] == REVISION
    assert edited.latest_report is None


@pytest.mark.parametrize("step", ["draft", "enrolled", "calibrated", "suspended", "lapsed", "retired"])
def test_only_an_active_list_hands_out_its_certificate(step: str) -> None:
    loaded = DRAFT.loaded(REVISION, NOW)
    active = loaded.calibrated("e" * 64, True, NOW).activated(REVISION, signed(terms()), NOW)
    lists = {
        "draft": DRAFT,
        "enrolled": loaded,
        "calibrated": loaded.calibrated("e" * 64, True, NOW),
        "suspended": active.suspended("ana", "why", NOW),
        "lapsed": active,
        "retired": active.retired(NOW),
    }
    later = NOW + timedelta(days=2) if step == "lapsed" else NOW
    with pytest.raises(NotSearchable, match=step):
        lists[step].require_active(later)


def test_a_certificate_cannot_be_built_by_the_loader_or_with_another_signature() -> None:
    with pytest.raises(AnotherPersonNeeded):
        signed(terms(approver="loader"))
    good = signed(terms())
    with pytest.raises(IntegrityError):
        Certificate(replace(good.terms, subjects=2), good.signature, good.approver_key)
    with pytest.raises(IntegrityError):
        Certificate(good.terms, bytes(64), good.approver_key)


@pytest.mark.parametrize(
    "part", ["list_digest", "model", "cohort_digest", "policy_digest", "report_digest", "threshold"]
)
def test_a_certificate_holds_for_exactly_what_was_signed(part: str) -> None:
    certificate = signed(terms())
    certificate.check(certificate.terms.binding, NOW)
    other = replace(certificate.terms.binding, **{part: 1 if part == "threshold" else "x"})
    with pytest.raises(IntegrityError, match=part.replace("_", " ")):
        certificate.check(other, NOW)


def test_a_certificate_ends_with_its_lease_or_its_report() -> None:
    certificate = signed(terms(lease_until=utc_text(NOW + timedelta(days=365))))
    assert certificate.ends_at == NOW + timedelta(days=90)
    with pytest.raises(NotSearchable):
        certificate.check(certificate.terms.binding, certificate.ends_at)


@pytest.mark.parametrize("word", ["purpose", "legal_basis", "owner"])
def test_a_list_without_its_terms_cannot_exist(word: str) -> None:
    given = {"purpose": "p", "legal_basis": "l", "owner": "o"} | {word: " "}
    with pytest.raises(BadInput, match=word.replace("_", "-")):
        ListTerms(expires=date(2026, 12, 31), searches_per_day=1, **given)


def test_a_list_whose_life_is_over_takes_nothing() -> None:
    with pytest.raises(Refused):
        DRAFT.retired(NOW).loaded(REVISION, NOW)
    with pytest.raises(Refused):
        DRAFT.loaded(REVISION, datetime(2027, 1, 1, tzinfo=UTC))


# --- refuted in service -----------------------------------------------------------------------------------------------

REFUTATION = Refutation("e" * 64, 3, 8, 5, 0.02, 0.003377372788, 0.2114)


def active() -> Watchlist:
    return DRAFT.loaded(REVISION, NOW).calibrated("e" * 64, True, NOW).activated(REVISION, signed(terms()), NOW)


def test_a_refuted_report_suspends_the_list_and_says_why() -> None:
    stopped = active().refuted(REFUTATION, "ben", NOW)
    assert stopped.state(NOW) is ListState.SUSPENDED
    assert stopped.suspension == Suspension("ben", NOW, REFUTATION.reason)
    assert stopped.stopped == (
        "by the count of rejections: reviewers rejected every candidate in 5 of the first 8 cases searched: "
        "more than 21.1 % estimated false alarms (look 3), at most 2 % were certified"
    )
    with pytest.raises(NotSearchable, match=r"suspended \(reviewers rejected.*matcher calibrate"):
        stopped.require_active(NOW)
    assert active().suspended("ana", "why", NOW).stopped == "by ana: why"
    assert active().stopped == ""


def test_a_refuted_list_waits_for_another_report() -> None:
    stopped = active().refuted(REFUTATION, "ben", NOW)
    for report, certified, step in (("e", True, "calibrate"), ("f", False, "calibrate"), ("f", True, "activate")):
        tested = stopped.calibrated(report * 64, certified, NOW)
        assert tested.state(NOW) is ListState.SUSPENDED
        assert f"matcher {step}" in tested.next_step(NOW) or f"matcher watchlist {step}" in tested.next_step(NOW)
    with pytest.raises(Refused, match="refuted in service"):
        stopped.activated(REVISION, signed(terms(previous="x")), NOW)
    other = signed(terms(binding=replace(terms().binding, report_digest="f" * 64)))
    back = stopped.activated(REVISION, other, NOW)
    assert (back.state(NOW), back.refutation, back.suspension) == (ListState.ACTIVE, None, None)


def test_a_refutation_of_another_report_stops_nothing() -> None:
    serving = active()
    assert serving.refuted(replace(REFUTATION, report="f" * 64), "ben", NOW) is serving
    assert DRAFT.refuted(REFUTATION, "ben", NOW) == DRAFT


def test_a_look_within_what_was_certified_is_no_refutation() -> None:
    for lower in (0.02, 0.01):
        with pytest.raises(ValueError, match="refutes nothing"):
            active().refuted(replace(REFUTATION, lower=lower), "ben", NOW)


def test_the_stop_button_keeps_the_refutation_and_a_lapsed_list_can_be_refuted() -> None:
    later = NOW + timedelta(days=2)
    stopped = active().refuted(REFUTATION, "ben", later)
    assert stopped.state(later) is ListState.SUSPENDED
    assert stopped.suspended("ana", "a pretext", later) == stopped


def test_what_a_certificate_was_derived_from_is_signed_and_older_ones_keep_their_bytes() -> None:
    plain, derived = terms(), terms(derived_from="b" * 64)
    assert (plain.tested_list, derived.tested_list) == (plain.binding.list_digest, "b" * 64)
    assert b"derived_from" not in plain.signed_bytes()
    certificate = signed(derived)
    with pytest.raises(IntegrityError, match="does not verify"):
        Certificate(plain, certificate.signature, certificate.approver_key)
    with pytest.raises(IntegrityError, match="does not verify"):
        Certificate(replace(derived, derived_from="c" * 64), certificate.signature, certificate.approver_key)
