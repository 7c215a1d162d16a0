"""Every table of a home, in one metadata; only types and constraints that SQLite and PostgreSQL share.

Times are `ids.utc_text`, days ISO 8601, digests sha256 in hex, truth 0 or 1, JSON canonical text. Columns marked
*sealed* hold what `Vault.seal` made. What a constraint cannot say is in `triggers.py`.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import postgresql

SCHEMA_VERSION = 5

metadata = MetaData()
_Long = BigInteger().with_variant(Integer, "sqlite")  # a strict SQLite table knows no BIGINT; its INTEGER has 64 bits
_Text = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")  # compared by bytes on both: times are text


def _table(name: str, *parts: Any) -> Table:
    return Table(name, metadata, *parts, sqlite_strict=True)


def _text(name: str, *parts: Any, key: bool = False, null: bool = False, unique: bool | None = None) -> Column[str]:
    return Column(name, _Text, *parts, primary_key=key, nullable=null, unique=unique)


def _number(name: str, *parts: Any, key: bool = False, null: bool = False) -> Column[int]:
    return Column(name, _Long, *parts, primary_key=key, nullable=null, autoincrement=False)


def _bytes(name: str, *parts: Any, null: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, *parts, nullable=null)


def _flag(name: str) -> Column[int]:
    return Column(name, Integer, CheckConstraint(f"{name} IN (0, 1)"), nullable=False)


def _user(name: str, *, null: bool = False) -> Column[str]:
    return _text(name, ForeignKey("users.name"), null=null)


def _one_row() -> CheckConstraint:
    return CheckConstraint("id = 1", name="one_row")


# --- the home and its people ------------------------------------------------------------------------------------------

home = _table(
    "home",
    _number("id", _one_row(), key=True),
    _text("home_id"),
    _text("created_at"),
    _flag("demo"),
    _bytes("recovery_public"),
    _bytes("recovery_sealed", null=True),
)

users = _table(
    "users",
    _text("name", key=True),
    _bytes("public_key"),
    _bytes("keys"),
    _text("created_at"),
    _flag("suspended"),
    UniqueConstraint("name", "public_key"),
    UniqueConstraint("public_key"),  # one key under two names would be one person counted twice
)

user_roles = _table(
    "user_roles",
    _user("name"),
    _text("role", CheckConstraint("role IN ('admin', 'approver', 'reviewer', 'auditor')", name="known_role")),
    PrimaryKeyConstraint("name", "role"),
)

# --- collections and what was found out about them --------------------------------------------------------------------

revisions = _table(
    "revisions",
    _text("revision_id", key=True),
    _text("collection_id"),
    _number("number", CheckConstraint("number >= 1")),
    _text("digest"),
    _text("model"),
    _number("subjects", CheckConstraint("subjects >= 0")),
    _number("templates", CheckConstraint("templates >= 0")),
    _number("rejected", CheckConstraint("rejected >= 0")),
    _user("loaded_by"),
    _text("loaded_at"),
    _text("loaders"),  # JSON: a sorted array of names
    _text("quality"),
    _bytes("touchstone"),
    UniqueConstraint("collection_id", "number"),
    UniqueConstraint("collection_id", "revision_id"),
)

policies = _table("policies", _text("digest", key=True), _bytes("body"))

reports = _table(
    "reports",
    _text("digest", key=True),
    _text("list_id"),
    _text("revision_id"),
    _text("cohort_revision_id", ForeignKey("revisions.revision_id")),
    _text("policy_digest", ForeignKey("policies.digest")),
    _flag("certified"),
    _user("made_by"),
    _text("made_at"),
    _bytes("body"),
    ForeignKeyConstraint(["list_id", "revision_id"], ["revisions.collection_id", "revisions.revision_id"]),
)

certificates = _table(
    "certificates",
    _text("digest", key=True),
    _text("list_id"),
    _text("revision_id"),
    _text("report_digest", ForeignKey("reports.digest")),
    _text("approver"),
    _bytes("approver_key"),
    _text("terms"),
    _bytes("signature"),
    ForeignKeyConstraint(["list_id", "revision_id"], ["revisions.collection_id", "revisions.revision_id"]),
    ForeignKeyConstraint(["approver", "approver_key"], ["users.name", "users.public_key"]),
    UniqueConstraint("digest", "list_id", "revision_id"),
)

watchlists = _table(
    "watchlists",
    _text("list_id", key=True),
    _text("name", unique=True),
    _text("purpose"),
    _text("legal_basis"),
    _text("owner"),
    _text("expires"),
    _number("searches_per_day", CheckConstraint("searches_per_day >= 1")),
    _text("prior", null=True),
    _text("prior_source", null=True),
    _user("created_by"),
    _text("created_at"),
    _text("latest_id", null=True),
    _text("latest_report", ForeignKey("reports.digest"), null=True),
    _text("serving_id", null=True),
    _text("certificate_digest", null=True),
    _user("suspended_by", null=True),
    _text("suspended_at", null=True),
    _text("suspension_reason", null=True),
    _text("retired_at", null=True),
    CheckConstraint("latest_report IS NULL OR latest_id IS NOT NULL", name="report_of_a_revision"),
    CheckConstraint("(serving_id IS NULL) = (certificate_digest IS NULL)", name="serves_only_with_certificate"),
    CheckConstraint(
        "(suspended_by IS NULL) = (suspended_at IS NULL) AND (suspended_at IS NULL) = (suspension_reason IS NULL)",
        name="whole_suspension",
    ),
    ForeignKeyConstraint(["list_id", "latest_id"], ["revisions.collection_id", "revisions.revision_id"]),
    ForeignKeyConstraint(
        ["certificate_digest", "list_id", "serving_id"],
        ["certificates.digest", "certificates.list_id", "certificates.revision_id"],
    ),
)

cohorts = _table(
    "cohorts",
    _text("cohort_id", key=True),
    _text("name", unique=True),
    _text("source"),
    _text("legal_basis"),
    _text("expires"),
    _text("consent_ref"),
    _text("label_method"),
    _text("captured"),
    _text("uses"),
    _user("created_by"),
    _text("created_at"),
    _text("latest_id", null=True),
    ForeignKeyConstraint(["cohort_id", "latest_id"], ["revisions.collection_id", "revisions.revision_id"]),
)

# --- alerts and their review ------------------------------------------------------------------------------------------

case_searches = _table(
    "case_searches",
    _text("list_id", ForeignKey("watchlists.list_id")),
    _text("case_reference"),
    _number("n", CheckConstraint("n >= 1")),
    PrimaryKeyConstraint("list_id", "case_reference"),
)

alerts = _table(
    "alerts",
    _text("alert_id", key=True),
    _text("list_id", ForeignKey("watchlists.list_id")),
    _text("revision_id"),
    _text("certificate_digest"),
    _text("report_digest", ForeignKey("reports.digest")),
    _text("policy_digest", ForeignKey("policies.digest")),
    _number("threshold"),
    _text("case_reference"),
    _text("reason"),
    _number("searches_of_case", CheckConstraint("searches_of_case >= 1")),
    _user("submitted_by"),
    _text("submitted_at"),
    _text("closed_reason", null=True),
    _text("closed_at", null=True),
    _text("concluded_at", null=True),
    Column("rejected", Integer, CheckConstraint("rejected IN (0, 1)")),
    # Last: what stands behind a photograph is only reached by reading through it (10 GB for 100,000 of 100 kB).
    _bytes("place"),  # sealed
    _bytes("probe"),  # sealed
    CheckConstraint("(rejected IS NULL) = (concluded_at IS NULL)", name="concluded_with_its_result"),
    CheckConstraint("(closed_reason IS NULL) = (closed_at IS NULL)", name="closed_with_its_time"),
    ForeignKeyConstraint(
        ["certificate_digest", "list_id", "revision_id"],
        ["certificates.digest", "certificates.list_id", "certificates.revision_id"],
    ),
)

# They hold every column that their question needs: a row of `alerts` is as long as a photograph.
_open = alerts.c.concluded_at.is_(None) & alerts.c.closed_reason.is_(None)
Index(
    "alerts_open",
    *(alerts.c[name] for name in ("submitted_at", "alert_id", "submitted_by", "policy_digest", "list_id")),
    alerts.c.concluded_at,
    alerts.c.closed_reason,
    sqlite_where=_open,
    postgresql_where=_open,
)
Index("alerts_of_report", alerts.c.report_digest, alerts.c.alert_id)
Index(
    "alerts_closed",
    alerts.c.closed_at,
    alerts.c.closed_reason,
    sqlite_where=alerts.c.closed_at.is_not(None),
    postgresql_where=alerts.c.closed_at.is_not(None),
)

candidates = _table(
    "candidates",
    _text("alert_id", ForeignKey("alerts.alert_id")),
    _text("candidate_id"),
    _bytes("subject"),  # sealed
    _number("score"),
    _number("rank", CheckConstraint("rank >= 1")),
    PrimaryKeyConstraint("alert_id", "candidate_id"),
    UniqueConstraint("alert_id", "rank"),
)

progress = _table(
    "progress",
    _text("alert_id", ForeignKey("alerts.alert_id")),
    _user("reviewer"),
    _number("claim_number"),
    _text("account"),
    _text("terminal"),
    _text("candidate_order"),
    _text("claimed_until", null=True),
    _text("disclosed_at", null=True),
    _text("finished_at", null=True),
    _number("finish_number", null=True),
    _text("recused_at", null=True),
    PrimaryKeyConstraint("alert_id", "reviewer"),
    UniqueConstraint("alert_id", "claim_number"),
    UniqueConstraint("alert_id", "finish_number"),
    CheckConstraint("(finished_at IS NULL) = (finish_number IS NULL)", name="finish_has_its_place"),
)

judgements = _table(
    "judgements",
    _text("alert_id"),
    _number("number"),
    _text("candidate_id"),
    _text("reviewer"),
    _text("account"),
    _text("terminal"),
    _text("made_at"),
    _text("verdict", CheckConstraint("verdict IN ('same', 'undecided', 'different')", name="known_verdict")),
    _text("checklist"),
    _text("mode"),
    _number("face_pixels", CheckConstraint("face_pixels >= 0")),
    _number("milliseconds", CheckConstraint("milliseconds >= 0")),
    _bytes("signature"),
    PrimaryKeyConstraint("alert_id", "number"),
    ForeignKeyConstraint(["alert_id", "candidate_id"], ["candidates.alert_id", "candidates.candidate_id"]),
    ForeignKeyConstraint(["alert_id", "reviewer"], ["progress.alert_id", "progress.reviewer"]),
)

corrections = _table(
    "corrections",
    _text("alert_id"),
    _number("number"),
    _text("candidate_id"),
    _text("reviewer"),
    _text("verdict", CheckConstraint("verdict IN ('same', 'undecided', 'different')", name="known_correction")),
    _text("reason"),
    _text("made_at"),
    _bytes("signature"),
    PrimaryKeyConstraint("alert_id", "number"),
    ForeignKeyConstraint(["alert_id", "candidate_id"], ["candidates.alert_id", "candidates.candidate_id"]),
    ForeignKeyConstraint(["alert_id", "reviewer"], ["progress.alert_id", "progress.reviewer"]),
)

leads = _table(
    "leads",
    _text("alert_id", key=True),
    _text("candidate_id"),
    _text("unsealed_at"),
    ForeignKeyConstraint(["alert_id", "candidate_id"], ["candidates.alert_id", "candidates.candidate_id"]),
)

# --- known-answer items and what reviewers made of them ---------------------------------------------------------------

known_items = _table(
    "known_items",
    _text("alert_id", ForeignKey("alerts.alert_id"), key=True),
    _text("cohort_revision_id", ForeignKey("revisions.revision_id")),
    _bytes("answer"),  # sealed
)

known_results = _table(
    "known_results",
    _text("reviewer"),
    _number("number", CheckConstraint("number >= 1")),
    _text("alert_id", ForeignKey("known_items.alert_id")),
    _text("mate", null=True),
    _text("said", CheckConstraint("said IN ('same', 'undecided', 'different')", name="known_saying")),
    _text("judged_at"),
    PrimaryKeyConstraint("reviewer", "number"),
    UniqueConstraint("alert_id", "reviewer"),
    ForeignKeyConstraint(["alert_id", "reviewer"], ["progress.alert_id", "progress.reviewer"]),
    ForeignKeyConstraint(["alert_id", "mate"], ["candidates.alert_id", "candidates.candidate_id"]),
)

reviewer_rights = _table(
    "reviewer_rights",
    _user("reviewer"),
    _number("number", CheckConstraint("number >= 1")),
    _flag("suspended"),
    _user("changed_by", null=True),
    _text("reason"),
    _number("results", CheckConstraint("results >= 0")),
    _text("changed_at"),
    PrimaryKeyConstraint("reviewer", "number"),
    CheckConstraint("suspended = number % 2", name="taken_and_given_back_in_turn"),
    CheckConstraint("(changed_by IS NULL) = (suspended = 1)", name="taken_by_the_count_given_back_by_a_person"),
    CheckConstraint("changed_by <> reviewer", name="nobody_restores_themselves"),
)

# --- watching after activation ----------------------------------------------------------------------------------------

searches = _table(
    "searches",
    _text("report_digest", ForeignKey("reports.digest")),
    _number("number", CheckConstraint("number >= 1")),
    _text("case_reference"),
    _number("place", CheckConstraint("place >= 1"), null=True),
    _text("alert_id", ForeignKey("alerts.alert_id"), null=True, unique=True),
    PrimaryKeyConstraint("report_digest", "number"),
    UniqueConstraint("report_digest", "place"),
    UniqueConstraint("report_digest", "case_reference", "number"),  # the index that finds a case
)

refutations = _table(
    "refutations",
    _text("report_digest", ForeignKey("reports.digest"), key=True),
    _number("look", CheckConstraint("look >= 1")),
    _number("n", CheckConstraint("n >= 2")),
    _number("k", CheckConstraint("k >= 1")),
    _text("alpha"),  # these three as Python writes a float
    _text("spent"),
    _text("lower"),
    CheckConstraint("k <= n", name="no_more_than_all"),
)

# --- the log ----------------------------------------------------------------------------------------------------------

log = _table(
    "log",
    _number("sequence", CheckConstraint("sequence >= 1"), key=True),
    _text("time"),
    _text("actor"),
    _text("account"),
    _text("terminal"),
    _text("action"),
    _text("details"),
    _text("previous"),
    _text("hash", unique=True),
)

log_head = _table(
    "log_head",
    _number("id", _one_row(), key=True),
    _number("sequence"),
    _text("time"),
    _text("hash"),
)

# What was refused, counted for each day: the log has the first few of a kind, then every doubling (`refusals.py`).
refusals = _table(
    "refusals",
    _text("actor"),
    _text("attempt"),
    _text("subject"),
    _text("refusal"),
    _text("day"),
    _number("times", CheckConstraint("times >= 1")),
    PrimaryKeyConstraint("actor", "attempt", "subject", "refusal"),
)

checkpoints = _table(
    "checkpoints",
    _number("size", CheckConstraint("size >= 1"), key=True),
    _bytes("log_key"),
    _bytes("peaks"),  # of the tree of `size` leaves (`merkle.py`): the next checkpoint goes on from here
    _text("note"),
)

# --- erasures ---------------------------------------------------------------------------------------------------------

erasures = _table(
    "erasures",
    _number("number", CheckConstraint("number >= 1"), key=True),
    _text("erasure_id", unique=True),
    _text("collection_id"),
    _user("erased_by"),
    _text("erased_at"),
    _text("finished_at", null=True),
)

# What is left of a revision from which people were erased; without a digest nothing is.
remains = _table(
    "remains",
    _text("revision_id", ForeignKey("revisions.revision_id")),
    _number("erasure", ForeignKey("erasures.number")),
    _text("digest", null=True),
    _number("subjects", CheckConstraint("subjects >= 0")),
    _number("templates", CheckConstraint("templates >= 0")),
    _number("rejected", CheckConstraint("rejected >= 0")),
    PrimaryKeyConstraint("revision_id", "erasure"),
)

# Sealed values of alerts that were emptied, and sha256 of what they were: the log still tells what an alert was.
erased_parts = _table(
    "erased_parts",
    _text("alert_id", ForeignKey("alerts.alert_id")),
    _text("part"),  # probe, place, answer, or candidate/ and its id
    _text("digest"),
    _number("erasure", ForeignKey("erasures.number")),
    PrimaryKeyConstraint("alert_id", "part"),
)

# Sealed values that were sealed anew when the home key was rotated (`erasures`: of the home itself), and sha256 of what
# they were and are.
resealed_parts = _table(
    "resealed_parts",
    _text("alert_id", ForeignKey("alerts.alert_id")),
    _text("part"),  # as in erased_parts
    _number("erasure", ForeignKey("erasures.number")),
    _text("before"),
    _text("after"),
    PrimaryKeyConstraint("alert_id", "part", "erasure"),
)
