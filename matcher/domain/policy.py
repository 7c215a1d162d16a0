"""The policy: limits that a list must meet before it may be searched, and how its alerts are reviewed.

1. alpha above 0.05 is refused: no tier is that loose.
2. The tier follows from alpha: certified <= 0.001, provisional <= 0.01, pilot <= 0.05.
3. A lease may be shorter than its tier's, never longer (pilot 24 h, provisional 7 d, certified 30 d).
4. At least two reviewers.
5. Unknown keys and impossible numbers are errors (BadInput); the policy's digest is over its canonical JSON.
"""

import hashlib
import json
import tomllib
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, ValidationError, model_serializer

from matcher.errors import BadInput, Refused
from matcher.toml_text import parsed

MAX_ALPHA = 0.05
Share = Annotated[float, Field(ge=0, le=1)]
_VIGILANCE = ("known_answer_share", "least_hit_rate", "most_false_confirm_rate", "known_answers_least")


class Tier(StrEnum):
    """How strict an alpha is (per search and group)."""

    CERTIFIED = "certified"
    PROVISIONAL = "provisional"
    PILOT = "pilot"


TIER_LIMITS: tuple[tuple[Tier, float], ...] = ((Tier.CERTIFIED, 0.001), (Tier.PROVISIONAL, 0.01), (Tier.PILOT, 0.05))
LEASE_HOURS = {Tier.CERTIFIED: 30 * 24, Tier.PROVISIONAL: 7 * 24, Tier.PILOT: 24}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True, allow_inf_nan=False)


def _canonical(section: BaseModel) -> bytes:
    return json.dumps(section.model_dump(mode="json"), sort_keys=True, separators=(",", ":")).encode()


class Certification(_Section):
    """The gate: in every declared group FPIR <= alpha, shown with confidence 1 - delta."""

    alpha: Annotated[float, Field(ge=1e-6, lt=1)] = 0.001
    delta: Annotated[float, Field(ge=1e-6, le=0.1)] = 0.05


class Groups(_Section):
    """Group columns (and values of them) that a cohort must declare."""

    required: dict[str, list[str]] = Field(default_factory=dict)


class Review(_Section):
    """How alerts are judged. `min_pixels`: the least height of a face on screen at which *same* may be said.

    `known_answer_share` of what is queued are known-answer items, if the cohort's people allow it (`vigilance.py`). One
    in twenty is a choice: 40 alerts a day bring two, and the first look at a floor after about eight days. The floors
    hold from `known_answers_least` items of a kind on. A share of 0 switches all of it off and is left out of the
    canonical JSON with its floors: a policy stored before such items existed has none, and keeps its digest.
    """

    reviewers_required: Annotated[int, Field(ge=2, le=5)] = 2
    reveal: Literal["after-blind-judgement"] = "after-blind-judgement"
    min_pixels: Annotated[int, Field(ge=16, le=1024)] = 64
    same_account: Literal["refuse", "mark"] = "refuse"
    submitter_may_review: bool = False
    known_answer_share: Annotated[float, Field(ge=0, le=0.5)] = 0.05
    least_hit_rate: Annotated[float, Field(gt=0, lt=1)] = 0.7
    most_false_confirm_rate: Annotated[float, Field(gt=0, lt=1)] = 0.1
    known_answers_least: Annotated[int, Field(ge=4, le=1024)] = 8

    @model_serializer(mode="wrap")
    def _without_vigilance_that_is_off(self, ordinary: SerializerFunctionWrapHandler) -> dict[str, Any]:
        limits: dict[str, Any] = ordinary(self)
        return limits if self.known_answer_share else {k: v for k, v in limits.items() if k not in _VIGILANCE}


class Lease(_Section):
    """Hours an activation lasts before an approver must sign again; None is the tier's own."""

    hours: Annotated[int, Field(ge=1, le=30 * 24)] | None = None


class Retention(_Section):
    """How long the photograph of an alert is kept once the alert is concluded or closed; None: until it is erased.

    Nothing is erased by a clock alone: what is over is erased by `matcher watchlist erase --expired`. A limit of None
    is left out of the canonical JSON.
    """

    probe_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class Quality(_Section):
    """Limits a face must meet to become a reference, cohort or probe template; measures in `vision/quality.py`.

    A limit of None is off, and is left out of the canonical JSON: a policy written before a limit existed keeps its
    digest. Off is the default where no figures support a number; `matcher bench quality` shows what one would do.
    """

    several_faces: Literal["reject", "largest"] = "reject"
    min_inter_eye_pixels: Annotated[float, Field(ge=4, le=1000)] = 20.0
    min_sharpness: Annotated[float, Field(ge=0, le=10000)] = 8.0
    max_yaw_ratio: Annotated[float, Field(gt=0, le=1)] = 0.9
    max_roll_degrees: Annotated[float, Field(gt=0, le=180)] = 45.0
    min_brightness: Annotated[float, Field(ge=0, le=255)] = 10.0
    max_brightness: Annotated[float, Field(ge=0, le=255)] = 235.0
    min_pitch_ratio: Annotated[float, Field(ge=0, le=1)] | None = None
    max_pitch_ratio: Annotated[float, Field(ge=0, le=1)] | None = None
    min_contrast: Annotated[float, Field(ge=0, le=128)] | None = None
    min_dynamic_range: Annotated[float, Field(ge=0, le=8)] | None = None
    max_under_exposed: Share | None = None
    max_over_exposed: Share | None = None
    min_light_balance: Share | None = None
    min_completeness: Share | None = None
    min_eye_detail: Annotated[float, Field(ge=0, le=10)] | None = None
    min_mouth_detail: Annotated[float, Field(ge=0, le=10)] | None = None
    min_feature_norm: Annotated[float, Field(ge=0, le=1e6)] | None = None

    @classmethod
    def loosest(cls) -> "Quality":
        """As wide as the bounds of a policy allow: for benchmarks, never a default."""
        return cls(
            min_inter_eye_pixels=4,
            min_sharpness=0,
            max_yaw_ratio=1,
            max_roll_degrees=180,
            min_brightness=0,
            max_brightness=255,
        )

    @model_serializer(mode="wrap")
    def _without_what_is_off(self, ordinary: SerializerFunctionWrapHandler) -> dict[str, Any]:
        limits: dict[str, Any] = ordinary(self)
        return {name: limit for name, limit in limits.items() if limit is not None}

    def digest(self) -> str:
        """sha256 (hex) over the canonical JSON of these limits."""
        return hashlib.sha256(_canonical(self)).hexdigest()


class Policy(_Section):
    """Everything an activation is held to. Build it with `parse_policy` or as `Policy()` (the strict default)."""

    certification: Certification = Certification()
    groups: Groups = Groups()
    review: Review = Review()
    lease: Lease = Lease()
    quality: Quality = Quality()
    retention: Retention = Retention()

    @model_serializer(mode="wrap")
    def _without_retention_that_is_off(self, ordinary: SerializerFunctionWrapHandler) -> dict[str, Any]:
        limits: dict[str, Any] = ordinary(self)
        return limits if self.retention.probe_days else {k: v for k, v in limits.items() if k != "retention"}

    def canonical(self) -> bytes:
        """UTF-8 JSON with sorted keys and no spaces."""
        return _canonical(self)

    def digest(self) -> str:
        """sha256 (hex) of `canonical`."""
        return hashlib.sha256(self.canonical()).hexdigest()

    def tier(self) -> Tier:
        """The tier that alpha belongs to."""
        return tier_of(self.certification.alpha)

    def lease_hours(self) -> int:
        """Hours an activation lasts."""
        longest = LEASE_HOURS[self.tier()]
        return longest if self.lease.hours is None else min(longest, self.lease.hours)


def tier_of(alpha: float) -> Tier:
    """The strictest tier whose limit alpha meets. Raises Refused above 0.05."""
    for tier, limit in TIER_LIMITS:
        if alpha <= limit:
            return tier
    raise Refused(f"alpha {alpha:g} is refused: no tier allows more than {MAX_ALPHA:g} per search and group")


def parse_policy(text: str) -> Policy:
    """A policy from TOML. Raises BadInput naming the first wrong key, Refused for alpha above 0.05."""
    try:
        policy = Policy.model_validate(parsed(text))
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"policy is not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        what = "unknown key" if first["type"] == "extra_forbidden" else first["msg"].lower()
        raise BadInput(f"policy key {where}: {what}") from None
    return _checked(policy)


def policy_from_canonical(raw: bytes) -> Policy:
    """The inverse of `Policy.canonical`, for stored policies."""
    policy = Policy.model_validate_json(raw)
    if "known_answer_share" not in policy.review.model_fields_set:  # off, or stored before there was such a key
        review = policy.review.model_copy(update={"known_answer_share": 0.0})
        policy = policy.model_copy(update={"review": review})
    return _checked(policy)


def _checked(policy: Policy) -> Policy:
    if policy.quality.min_brightness >= policy.quality.max_brightness:
        raise BadInput("policy key quality.min_brightness: must be below quality.max_brightness")
    low, high = policy.quality.min_pitch_ratio, policy.quality.max_pitch_ratio
    if low is not None and high is not None and low >= high:
        raise BadInput("policy key quality.min_pitch_ratio: must be below quality.max_pitch_ratio")
    if policy.review.least_hit_rate <= policy.review.most_false_confirm_rate:
        raise BadInput("policy key review.least_hit_rate: must be above review.most_false_confirm_rate")
    policy.tier()
    return policy
