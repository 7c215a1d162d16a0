"""Rules that a constraint cannot say, as triggers: they hold for raw SQL too; about roles in `role_triggers.py`.

Each is one condition that refuses a row (`rule.py`); what SQLite makes of it is in here, PostgreSQL in
`postgres_rules.py`.

1. Log entries, checkpoints, certificates, reports, policies, revisions, candidates, judgements, corrections, leads,
   searches, refutations, known-answer items, their results and reviewers' rights are never changed or removed, not by
   REPLACE either.
2. A log entry builds on the head; the head only moves to the entry just written. A checkpoint is of the log up to its
   head.
3. A list serves only what one of its certificates is for; no certificate is approved by a loader of a part.
4. A candidate scores at least the alert's threshold.
5. No judgement after its reviewer saw the score, no correction before it or after finishing; a step once taken stays.
6. A lead needs two different people whose newest judgement of the candidate is *same* and was not withdrawn, and an
   alert that was not closed.
7. What an alert was made with stays; it is closed or concluded once. It is rejected only where two different people
   judged every candidate *different*.
8. Searches are numbered without a gap, and the first of each case has its place; its alert is of the same report.
9. A refutation has the counts of the tables. A refuted report serves no list that is not stopped, and no certificate is
   signed for it again.
10. A known-answer item has no search, no lead and no rejection, and no alert of a search becomes one. A result is
    entered once its reviewer saw the score, in the order in which they come.
11. Rights are taken and given back in turn; who is suspended judges nothing.
12. Erasures are numbered without a gap and finished once. The sealed values of an alert are only ever emptied, once an
    erasure wrote down what they were, and never while the alert waits; or rule 13. No list serves what was erased in
    part.
13. Another home key: sealed values are sealed anew while its rotation is under way, once what they were and are is
    written down.
"""

from matcher.store.role_triggers import ROLE_TRIGGERS
from matcher.store.rule import ALWAYS, Rule, names_in, number_of, sqlite_condition
from matcher.store.rule import once as _once
from matcher.store.rule import refuse as _refuse

# Tables whose rows stay as they are, and the columns that tell whether a row is there already (REPLACE removes rows
# without asking the DELETE trigger unless `recursive_triggers` is on).
_KEPT = {
    "log": ("sequence",),
    "checkpoints": ("size",),
    "policies": ("digest",),
    "reports": ("digest",),
    "certificates": ("digest",),
    "revisions": ("revision_id",),
    "candidates": ("alert_id", "candidate_id"),
    "judgements": ("alert_id", "number"),
    "corrections": ("alert_id", "number"),
    "leads": ("alert_id",),
    "searches": ("report_digest", "number"),
    "refutations": ("report_digest",),
    "known_items": ("alert_id",),
    "known_results": ("reviewer", "number"),
    "reviewer_rights": ("reviewer", "number"),
    "remains": ("revision_id", "erasure"),
    "erased_parts": ("alert_id", "part"),
    "resealed_parts": ("alert_id", "part", "erasure"),
}
# Tables of sealed values: the column, what an erasure calls it, and the rest of the row. It is emptied or sealed anew,
# they stay.
_EMPTIED = {
    "candidates": ("subject", "'candidate/' || OLD.candidate_id", ("alert_id", "candidate_id", "score", "rank")),
    "known_items": ("answer", "'answer'", ("alert_id", "cohort_revision_id")),
}


def rules() -> list[Rule]:
    """Every rule, in the order in which the triggers are made."""
    kept = [rule for table, key in _KEPT.items() for rule in _kept(table, key)]
    return [*kept, *_LOG, *_LISTS, *_REVIEW, *_LEADS, *_WATCH, *_VIGILANCE, *ROLE_TRIGGERS, *_ERASURE]


def trigger_statements() -> list[str]:
    """CREATE TRIGGER statements for SQLite, to be run once when the tables are made."""
    return [
        f"CREATE TRIGGER {rule.name} BEFORE {rule.moment} ON {rule.table} FOR EACH ROW WHEN {sqlite_condition(rule)} "
        f"BEGIN SELECT RAISE(ABORT, '{rule.sentence}'); END"
        for rule in rules()
    ]


def _kept(table: str, key: tuple[str, ...]) -> list[Rule]:
    same = " AND ".join(f"there.{column} = NEW.{column}" for column in key)
    there = f"EXISTS (SELECT 1 FROM {table} AS there WHERE {same})"  # noqa: S608 -- names from the table above
    sentence = f"{table}: rows are only ever added"
    return [
        _refuse(f"{table}_never_changed", "UPDATE", table, _but_sealed_anew(table), sentence),
        _refuse(f"{table}_never_removed", "DELETE", table, ALWAYS, sentence),
        _refuse(f"{table}_never_replaced", "INSERT", table, there, f"{table}: this row is there already"),
    ]


def _but_sealed_anew(table: str) -> str:
    """Every change, but for emptying a sealed value or sealing it anew, written down before."""
    if table not in _EMPTIED:
        return ALWAYS
    column, part, others = _EMPTIED[table]
    same = " AND ".join(f"NEW.{one} IS NOT DISTINCT FROM OLD.{one}" for one in others)
    return f"NOT ({same} AND {_written_down(column, part)})"


def _written_down(column: str, part: str) -> str:
    """That a sealed value is emptied as an erasure wrote down, or sealed anew as a rotation did that is under way."""
    of = f"WHERE alert_id = OLD.alert_id AND part = {part}"
    return (
        f"((length(NEW.{column}) = 0 AND EXISTS (SELECT 1 FROM erased_parts {of})) "  # noqa: S608 -- words from this file
        f"OR (length(OLD.{column}) > 0 AND length(NEW.{column}) > 0 AND EXISTS "
        f"(SELECT 1 FROM resealed_parts JOIN erasures ON number = erasure {of} AND finished_at IS NULL)))"
    )


_LOG = [
    _refuse(
        "log_builds_on_head",
        "INSERT",
        "log",
        "NOT EXISTS (SELECT 1 FROM log_head WHERE sequence + 1 = NEW.sequence AND hash = NEW.previous)",
        "log: an entry must build on the newest one",
    ),
    _refuse(
        "log_head_follows_log",
        "UPDATE",
        "log_head",
        "NEW.sequence <> OLD.sequence + 1 OR NOT EXISTS "
        "(SELECT 1 FROM log WHERE sequence = NEW.sequence AND hash = NEW.hash AND previous = OLD.hash)",
        "log_head: it only moves to the entry just written",
    ),
    _refuse(
        "checkpoints_are_of_the_head",
        "INSERT",
        "checkpoints",
        "NOT EXISTS (SELECT 1 FROM log_head WHERE sequence = NEW.size)",
        "a checkpoint is of the log up to its head",
    ),
    _refuse("log_head_never_removed", "DELETE", "log_head", ALWAYS, "log_head: it is never removed"),
    _refuse(
        "log_head_only_one", "INSERT", "log_head", "EXISTS (SELECT 1 FROM log_head)", "log_head: it is there already"
    ),
]

_UNCERTIFIED = (
    "NEW.serving_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM certificates WHERE digest = NEW.certificate_digest "
    "AND list_id = NEW.list_id AND revision_id = NEW.serving_id)"
)
_LISTS = [
    _refuse(
        f"watchlists_certified_{moment.lower()}",
        moment,
        "watchlists",
        _UNCERTIFIED,
        "a list serves only what a certificate was signed for",
    )
    for moment in ("INSERT", "UPDATE")
] + [
    _refuse(
        "certificates_two_people",
        "INSERT",
        "certificates",
        f"EXISTS (SELECT 1 FROM revisions, {names_in('revisions.loaders')} "  # noqa: S608 -- words from this file
        "WHERE revision_id = NEW.revision_id AND loader.value = NEW.approver)",
        "nobody who loaded a part of a revision can approve it",
    ),
]

_OWN_PROGRESS = "SELECT 1 FROM progress WHERE alert_id = NEW.alert_id AND reviewer = NEW.reviewer"
_ALERT_FACTS = (
    *("alert_id", "list_id", "revision_id", "certificate_digest", "report_digest", "policy_digest", "threshold"),
    *("case_reference", "reason", "searches_of_case", "submitted_by", "submitted_at"),
)
_KEPT_SEALED = " OR ".join(
    f"(NEW.{part} IS DISTINCT FROM OLD.{part} AND NOT {_written_down(part, repr(part))})" for part in ("probe", "place")
)


_REVIEW = [
    _refuse(
        "candidates_reach_threshold",
        "INSERT",
        "candidates",
        "EXISTS (SELECT 1 FROM alerts WHERE alert_id = NEW.alert_id AND threshold > NEW.score)",
        "a candidate scores at least the threshold",
    ),
    _refuse(
        "judgements_blind",
        "INSERT",
        "judgements",
        f"EXISTS ({_OWN_PROGRESS} AND disclosed_at IS NOT NULL)",
        "the score was already shown: only a correction is possible now",
    ),
    _refuse(
        "corrections_between_disclosure_and_finish",
        "INSERT",
        "corrections",
        f"NOT EXISTS ({_OWN_PROGRESS} AND disclosed_at IS NOT NULL AND finished_at IS NULL)",
        "a correction is possible only after the score was shown and before finishing",
    ),
    _refuse(
        "alerts_stay",
        "UPDATE",
        "alerts",
        f"{_once(*_ALERT_FACTS, 'closed_reason', 'closed_at', 'concluded_at', 'rejected')} OR {_KEPT_SEALED}",
        "what an alert was made with, and how it ended, stays",
    ),
    _refuse(
        "progress_steps_stay",
        "UPDATE",
        "progress",
        _once("alert_id", "reviewer", "claim_number", "candidate_order")
        + " OR "
        + _once("disclosed_at", "finished_at", "finish_number", "recused_at"),
        "a step once taken stays taken",
    ),
    _refuse("progress_never_removed", "DELETE", "progress", ALWAYS, "a step once taken stays taken"),
    _refuse(
        "progress_never_replaced", "INSERT", "progress", f"EXISTS ({_OWN_PROGRESS})", "a step once taken stays taken"
    ),
]


def _people_saying(verdict: str, alert: str, candidate: str) -> str:
    """How many different people's newest judgement of a candidate is `verdict`, leaving out who stepped back."""
    return (
        "SELECT COUNT(DISTINCT said.reviewer) FROM judgements AS said "  # noqa: S608 -- words from this file
        f"WHERE said.alert_id = {alert} AND said.candidate_id = {candidate} AND said.verdict = '{verdict}' "
        "AND NOT EXISTS (SELECT 1 FROM judgements AS later WHERE later.alert_id = said.alert_id "
        "AND later.candidate_id = said.candidate_id AND later.reviewer = said.reviewer AND later.number > said.number) "
        "AND NOT EXISTS (SELECT 1 FROM progress WHERE alert_id = said.alert_id AND reviewer = said.reviewer "
        "AND recused_at IS NOT NULL)"
    )


_WITHDRAWN = (
    "EXISTS (SELECT 1 FROM corrections AS taken WHERE taken.alert_id = said.alert_id "
    "AND taken.candidate_id = said.candidate_id AND taken.reviewer = said.reviewer AND taken.verdict <> 'same')"
)
_SAYING_SAME = f"{_people_saying('same', 'NEW.alert_id', 'NEW.candidate_id')} AND NOT {_WITHDRAWN}"
_SAYING_DIFFERENT = _people_saying("different", "NEW.alert_id", "candidates.candidate_id")
_QUORUM = (
    f"SELECT COALESCE(MAX({number_of('body', 'review.reviewers_required')}), 2) "  # noqa: S608 -- words from this file
    "FROM alerts JOIN policies ON policies.digest = policy_digest WHERE alert_id = NEW.alert_id"
)
_OF_ALERT = "SELECT 1 FROM candidates WHERE alert_id = NEW.alert_id"
_NOT_REJECTED = f"(NOT EXISTS ({_OF_ALERT}) OR EXISTS ({_OF_ALERT} AND ({_SAYING_DIFFERENT}) < 2))"
_LEADS = [
    _refuse(
        "leads_need_two_people",
        "INSERT",
        "leads",
        f"({_SAYING_SAME}) < 2 OR ({_SAYING_SAME}) < ({_QUORUM})",
        "a lead needs two different people who judge the candidate to be the same",
    ),
    _refuse(
        "leads_of_open_alerts",
        "INSERT",
        "leads",
        "EXISTS (SELECT 1 FROM alerts WHERE alert_id = NEW.alert_id AND closed_reason IS NOT NULL)",
        "the alert was closed as inconclusive",
    ),
    _refuse(
        "leads_not_of_rejected_alerts",
        "INSERT",
        "leads",
        "EXISTS (SELECT 1 FROM alerts WHERE alert_id = NEW.alert_id AND rejected = 1)",
        "reviewers rejected every candidate of this alert",
    ),
    _refuse(
        "alerts_rejected_by_two_people",
        "UPDATE",
        "alerts",
        f"NEW.rejected = 1 AND OLD.rejected IS NULL AND {_NOT_REJECTED}",
        "an alert is rejected where two different people judge every candidate to be another person",
    ),
]

_OF_REPORT = "FROM searches WHERE report_digest = NEW.report_digest"
_REJECTED = (
    "SELECT COUNT(*) FROM searches JOIN alerts USING (alert_id) "
    "WHERE searches.report_digest = NEW.report_digest AND searches.place <= NEW.n AND rejected = 1"
)
_REFUTED_SERVES = (
    "NEW.suspended_at IS NULL AND EXISTS (SELECT 1 FROM certificates JOIN refutations USING (report_digest) "
    "WHERE certificates.digest = NEW.certificate_digest)"
)
_WATCH = [
    _refuse(
        "searches_in_order",
        "INSERT",
        "searches",
        f"NEW.number IS DISTINCT FROM (SELECT COALESCE(MAX(number), 0) + 1 {_OF_REPORT})",
        "searches are numbered without a gap",
    ),
    _refuse(
        "searches_count_each_case_once",
        "INSERT",
        "searches",
        f"NEW.place IS DISTINCT FROM (CASE WHEN EXISTS (SELECT 1 {_OF_REPORT} AND case_reference = NEW.case_reference) "
        f"THEN NULL ELSE (SELECT COALESCE(MAX(place), 0) + 1 {_OF_REPORT}) END)",
        "the first search of a case counts, and no other",
    ),
    _refuse(
        "searches_have_their_own_alert",
        "INSERT",
        "searches",
        "NEW.alert_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM alerts WHERE alert_id = NEW.alert_id "
        "AND report_digest = NEW.report_digest AND case_reference = NEW.case_reference)",
        "the alert of a search is of its report and case",
    ),
    _refuse(
        "refutations_count_the_tables",
        "INSERT",
        "refutations",
        f"NEW.n > (SELECT COALESCE(MAX(place), 0) {_OF_REPORT}) OR NEW.k <> ({_REJECTED})",
        "a refutation has the counts of the tables",
    ),
    _refuse(
        "refutations_stop_the_list",
        "INSERT",
        "refutations",
        "EXISTS (SELECT 1 FROM watchlists JOIN certificates ON certificates.digest = certificate_digest "
        "WHERE report_digest = NEW.report_digest AND suspended_at IS NULL)",
        "a list whose report is refuted is stopped first",
    ),
    _refuse(
        "certificates_not_of_refuted_reports",
        "INSERT",
        "certificates",
        "EXISTS (SELECT 1 FROM refutations WHERE report_digest = NEW.report_digest)",
        "a report that was refuted in service is not signed again",
    ),
    *(
        _refuse(
            f"watchlists_stay_stopped_{moment.lower()}",
            moment,
            "watchlists",
            _REFUTED_SERVES,
            "a list whose report was refuted in service stays stopped until another report serves it",
        )
        for moment in ("INSERT", "UPDATE")
    ),
]

_KNOWN = "EXISTS (SELECT 1 FROM known_items WHERE alert_id = NEW.alert_id)"
_RIGHT = "SELECT suspended FROM reviewer_rights WHERE reviewer = NEW.reviewer ORDER BY number DESC LIMIT 1"

_RESULTS = "SELECT COUNT(*) FROM known_results WHERE reviewer = NEW.reviewer"


def _next_of(table: str) -> str:
    following = f"SELECT COALESCE(MAX(number), 0) + 1 FROM {table} WHERE reviewer = NEW.reviewer"  # noqa: S608 -- tables of this file
    return f"NEW.number IS DISTINCT FROM ({following})"


_VIGILANCE = [
    _refuse(
        "known_items_are_no_searches",
        "INSERT",
        "known_items",
        "EXISTS (SELECT 1 FROM searches WHERE alert_id = NEW.alert_id) "
        "OR EXISTS (SELECT 1 FROM progress WHERE alert_id = NEW.alert_id)",
        "an alert of a search is no known-answer item",
    ),
    _refuse("searches_are_no_known_items", "INSERT", "searches", _KNOWN, "a known-answer item is no search"),
    _refuse("leads_not_of_known_items", "INSERT", "leads", _KNOWN, "nothing is concluded from a known-answer item"),
    _refuse(
        "known_items_are_never_rejected",
        "UPDATE",
        "alerts",
        f"NEW.rejected = 1 AND {_KNOWN}",
        "nothing is concluded from a known-answer item",
    ),
    _refuse(
        "known_results_of_what_was_judged",
        "INSERT",
        "known_results",
        f"{_next_of('known_results')} OR NOT EXISTS ({_OWN_PROGRESS} AND disclosed_at IS NOT NULL)",
        "a result is entered once its reviewer saw the score, each after the one before",
    ),
    _refuse(
        "reviewer_rights_in_order",
        "INSERT",
        "reviewer_rights",
        f"{_next_of('reviewer_rights')} OR NEW.results <> ({_RESULTS})",
        "a right is taken and given back in turn, at the results there are",
    ),
    _refuse(
        "judgements_not_of_the_suspended",
        "INSERT",
        "judgements",
        f"({_RIGHT}) = 1",
        "this reviewer fell below a floor of the policy: an admin must restore them first",
    ),
]

_ERASED_IN_PART = "EXISTS (SELECT 1 FROM remains WHERE revision_id = {})"
_ERASURE = [
    _refuse(
        "erasures_in_order",
        "INSERT",
        "erasures",
        "NEW.number IS DISTINCT FROM (SELECT COALESCE(MAX(number), 0) + 1 FROM erasures) "
        "OR NEW.finished_at IS NOT NULL",
        "erasures: each follows the one before it, and is finished afterwards",
    ),
    _refuse(
        "erasures_finished_once",
        "UPDATE",
        "erasures",
        _once("number", "erasure_id", "collection_id", "erased_by", "erased_at", "finished_at"),
        "erasures: they are finished once, and nothing else of them changes",
    ),
    _refuse("erasures_never_removed", "DELETE", "erasures", ALWAYS, "erasures: they are never removed"),
    _refuse(
        "erased_parts_not_of_what_waits",
        "INSERT",
        "erased_parts",
        "EXISTS (SELECT 1 FROM alerts WHERE alert_id = NEW.alert_id AND closed_at IS NULL AND concluded_at IS NULL)",
        "erased_parts: what waits for judgement is closed first, and its reason said",
    ),
    _refuse(
        "resealed_parts_of_a_rotation_under_way",
        "INSERT",
        "resealed_parts",
        "NOT EXISTS (SELECT 1 FROM erasures JOIN home ON collection_id = home_id "
        "WHERE number = NEW.erasure AND finished_at IS NULL)",
        "resealed_parts: values are sealed anew while the home key is rotated",
    ),
    _refuse(
        "remains_of_what_does_not_serve",
        "INSERT",
        "remains",
        "EXISTS (SELECT 1 FROM watchlists WHERE serving_id = NEW.revision_id)",
        "remains: what serves is not erased in part",
    ),
    *(
        _refuse(
            f"watchlists_serve_whole_revisions_{moment.lower()}",
            moment,
            "watchlists",
            _ERASED_IN_PART.format("NEW.serving_id"),
            "watchlists: what was erased in part serves no more",
        )
        for moment in ("INSERT", "UPDATE")
    ),
]
