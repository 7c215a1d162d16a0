"""The policy: strict by default, nothing looser than a pilot, unknown keys refused."""

import hashlib
import json

import pytest

from matcher.domain.policy import Policy, Quality, Tier, parse_policy, policy_from_canonical
from matcher.errors import BadInput, Refused


def test_the_shipped_default_is_strict() -> None:
    policy = Policy()
    assert policy.certification.alpha == 0.001
    assert policy.review.reviewers_required == 2
    assert policy.review.same_account == "refuse"
    assert policy.tier() is Tier.CERTIFIED


@pytest.mark.parametrize(
    ("alpha", "tier", "hours"),
    [(0.001, "certified", 720), (0.01, "provisional", 168), (0.0011, "provisional", 168), (0.05, "pilot", 24)],
)
def test_tier_and_lease_follow_from_alpha(alpha: float, tier: str, hours: int) -> None:
    policy = parse_policy(f"[certification]\nalpha = {alpha}")
    assert (policy.tier().value, policy.lease_hours()) == (tier, hours)


def test_a_lease_can_be_shortened_but_not_lengthened() -> None:
    assert parse_policy("[certification]\nalpha=0.05\n[lease]\nhours=2").lease_hours() == 2
    assert parse_policy("[certification]\nalpha=0.05\n[lease]\nhours=200").lease_hours() == 24


@pytest.mark.parametrize(
    "text",
    [
        "[certification]\nalhpa = 0.01",
        "[surprise]",
        "auto_confirm = true",
        "[review]\nreviewers_required = 1",
        "[certification]\nalpha = nan",
        "[certification]\nalpha = 0",
        "[certification]\nalpha = 1.5",
        "[quality]\nmin_brightness = 200\nmax_brightness = 100",
        "not toml at all = = 3",
        "[review]\nreveal = 'before-judgement'",
    ],
)
def test_wrong_policies_are_one_clear_error(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_policy(text)
    assert "\n" not in str(caught.value)


def test_no_tier_is_looser_than_a_pilot() -> None:
    with pytest.raises(Refused, match=r"0\.05"):
        parse_policy("[certification]\nalpha = 0.051")


def test_the_digest_follows_the_content() -> None:
    policy = parse_policy("[certification]\nalpha = 0.01")
    assert policy_from_canonical(policy.canonical()) == policy
    assert policy.digest() != Policy().digest()
    assert parse_policy("").digest() == Policy().digest()


def test_a_limit_that_is_off_leaves_no_trace_in_the_digest() -> None:
    """The canonical JSON of the limits there were before the optional ones: old policies keep their digests."""
    first = {
        "several_faces": "reject",
        "min_inter_eye_pixels": 20.0,
        "min_sharpness": 8.0,
        "max_yaw_ratio": 0.9,
        "max_roll_degrees": 45.0,
        "min_brightness": 10.0,
        "max_brightness": 235.0,
    }
    raw = json.dumps(first, sort_keys=True, separators=(",", ":")).encode()
    assert Quality().digest() == hashlib.sha256(raw).hexdigest()
    assert json.loads(Policy().canonical())["quality"] == first
    on = parse_policy("[quality]\nmin_contrast = 0.0\n")
    assert json.loads(on.canonical())["quality"] == first | {"min_contrast": 0.0}
    assert policy_from_canonical(on.canonical()) == on
    assert on.digest() != Policy().digest()


def test_impossible_limits_of_pitch_are_refused() -> None:
    with pytest.raises(BadInput, match="min_pitch_ratio"):
        parse_policy("[quality]\nmin_pitch_ratio = 0.6\nmax_pitch_ratio = 0.4\n")
    with pytest.raises(BadInput, match="max_under_exposed"):
        parse_policy("[quality]\nmax_under_exposed = 1.5\n")


def test_vigilance_that_is_off_leaves_no_trace_in_the_digest() -> None:
    """A policy stored before known-answer items existed has none, and keeps its digest; one with them says so."""
    off = parse_policy("[review]\nknown_answer_share = 0\n")
    assert not any("known" in name or "rate" in name for name in json.loads(off.canonical())["review"])
    stored = policy_from_canonical(off.canonical())
    assert stored.review.known_answer_share == 0
    assert stored.digest() == off.digest()
    on = Policy()
    assert json.loads(on.canonical())["review"]["known_answer_share"] == 0.05
    assert policy_from_canonical(on.canonical()) == on
    assert on.digest() != off.digest()


@pytest.mark.parametrize(
    "line",
    [
        "known_answer_share = 0.51",
        "known_answer_share = -0.1",
        "known_answers_least = 3",
        "least_hit_rate = 1.0",
        "most_false_confirm_rate = 0.0",
        "least_hit_rate = 0.1\nmost_false_confirm_rate = 0.1",
    ],
)
def test_impossible_floors_are_refused(line: str) -> None:
    with pytest.raises(BadInput, match=r"review\."):
        parse_policy(f"[review]\n{line}\n")
