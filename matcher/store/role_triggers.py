"""Who may do what, as rules of the database (`triggers.py`): whoever writes SQL is held to roles, terms and counts too.

1. A person's name, key and roles are what they were added with. Only the suspension and the wrapped keys (a new
   passphrase) change; whoever was removed, which is to have no wrapped keys, stays removed, and their row stays.
2. Who is suspended, or lacks the role, loads, calibrates, approves, searches and judges nothing. The loader is one of
   the loaders.
3. A certificate rests on a certified report of its list, and its row says what its signed terms say. A list once
   retired stays so, and a suspension ends with a certificate that was signed since.
4. The terms of lists and cohorts, and the facts of the home, stay; another recovery key needs a log entry of the
   recovery that made it, another home key sealed to the same one that of a rotation. Searches of a case are counted
   one by one.
5. An alert is of a list that serves; a search or a lead is at the threshold of its certificate. Whoever searched judges
   it only where the policy lets them. Closed and concluded alerts are judged no more. A lead needs the quorum of its
   policy (`triggers.py`).
6. Refusals are counted one by one, day after day.
"""

from matcher.store.rule import ALWAYS, flag_of, hex_of, names_in, number_of, once, refuse, text_of

_ADDED = (
    "EXISTS (SELECT 1 FROM log WHERE action IN ('user.added', 'user.recovered') "  # noqa: S608 -- words from this file
    f"AND {text_of('details', 'user')} = NEW.name) "
    "OR EXISTS (SELECT 1 FROM user_roles WHERE name = NEW.name AND role = NEW.role)"
)
_PEOPLE = [
    refuse("users_never_removed", "DELETE", "users", ALWAYS, "users: nobody is ever removed"),
    refuse(
        "users_never_replaced",
        "INSERT",
        "users",
        "EXISTS (SELECT 1 FROM users WHERE name = NEW.name OR public_key = NEW.public_key)",
        "users: a name and a key are of one person",
    ),
    refuse(
        "users_stay",
        "UPDATE",
        "users",
        once("name", "public_key", "created_at"),
        "users: a name and its key stay together",
    ),
    refuse(
        "users_removed_stay_so",
        "UPDATE",
        "users",
        "length(OLD.keys) = 0 AND (length(NEW.keys) <> 0 OR NEW.suspended = 0)",
        "users: whoever was removed stays removed",
    ),
    refuse("user_roles_stay", "UPDATE", "user_roles", ALWAYS, "user_roles: a person keeps the roles of the beginning"),
    refuse("user_roles_never_removed", "DELETE", "user_roles", ALWAYS, "user_roles: a person keeps their roles"),
    refuse("user_roles_of_new_people", "INSERT", "user_roles", _ADDED, "user_roles: nobody is given a role later"),
]

_LIST_TERMS = (
    *("list_id", "name", "purpose", "legal_basis", "owner", "expires", "searches_per_day", "created_by", "created_at"),
    "retired_at",
)
_LIST_PRIOR = "NEW.prior IS DISTINCT FROM OLD.prior OR NEW.prior_source IS DISTINCT FROM OLD.prior_source"
_COHORT_TERMS = (
    *("cohort_id", "name", "source", "legal_basis", "expires", "consent_ref", "label_method", "captured", "uses"),
    *("created_by", "created_at"),
)
_OTHER_RECOVERY = once("recovery_public", "recovery_sealed")
_LOGGED_RECOVERY = (
    "EXISTS (SELECT 1 FROM log WHERE sequence = (SELECT MAX(sequence) FROM log) "  # noqa: S608 -- words from this file
    f"AND action = 'user.recovered' AND {text_of('details', 'recovery_key')} = {hex_of('NEW.recovery_public')}) "
    "AND NEW.recovery_public IS DISTINCT FROM OLD.recovery_public "
    "AND NEW.recovery_sealed IS DISTINCT FROM OLD.recovery_sealed"
)
_LOGGED_ROTATION = (
    "EXISTS (SELECT 1 FROM log WHERE sequence = (SELECT MAX(sequence) FROM log) AND action = 'home.rotated') "
    "AND NEW.recovery_public IS NOT DISTINCT FROM OLD.recovery_public "
    "AND NEW.recovery_sealed IS DISTINCT FROM OLD.recovery_sealed AND length(NEW.recovery_sealed) > 0"
)
_TERMS = [
    refuse("home_stays", "UPDATE", "home", once("id", "home_id", "created_at", "demo"), "home: its facts stay"),
    refuse(
        "home_keeps_its_recovery_key",
        "UPDATE",
        "home",
        f"({_OTHER_RECOVERY}) AND NOT ({_LOGGED_RECOVERY}) AND NOT ({_LOGGED_ROTATION})",
        "home: its recovery key changes when it was used, what is sealed to it with the home key, and the log says so",
    ),
    refuse("home_never_removed", "DELETE", "home", ALWAYS, "home: its facts stay"),
    refuse("home_only_one", "INSERT", "home", "EXISTS (SELECT 1 FROM home)", "home: it was set up already"),
    refuse(
        "watchlists_keep_terms",
        "UPDATE",
        "watchlists",
        f"{once(*_LIST_TERMS)} OR {_LIST_PRIOR}",
        "watchlists: the terms of a list stay, and a retired one stays retired",
    ),
    refuse(
        "watchlists_stay_suspended",
        "UPDATE",
        "watchlists",
        "OLD.suspended_at IS NOT NULL AND NEW.suspended_at IS NULL AND NEW.certificate_digest IS NOT NULL "  # noqa: S608 -- words from this file
        "AND NOT EXISTS (SELECT 1 FROM certificates WHERE digest = NEW.certificate_digest "
        f"AND {text_of('terms', 'issued_at')} >= OLD.suspended_at)",
        "watchlists: a suspension ends when an approver signs again",
    ),
    refuse("watchlists_never_removed", "DELETE", "watchlists", ALWAYS, "watchlists: a list is retired, never removed"),
    refuse("cohorts_keep_terms", "UPDATE", "cohorts", once(*_COHORT_TERMS), "cohorts: the terms of a cohort stay"),
    refuse(
        "case_searches_counted",
        "UPDATE",
        "case_searches",
        f"{once('list_id', 'case_reference')} OR NEW.n <> OLD.n + 1",
        "case_searches: searches are counted one by one",
    ),
    refuse("case_searches_begin", "INSERT", "case_searches", "NEW.n <> 1", "case_searches: a count begins at 1"),
    refuse("case_searches_never_removed", "DELETE", "case_searches", ALWAYS, "case_searches: a count is never removed"),
    refuse(
        "refusals_counted",
        "UPDATE",
        "refusals",
        f"{once('actor', 'attempt', 'subject', 'refusal')} "
        "OR NOT ((NEW.day = OLD.day AND NEW.times = OLD.times + 1) OR (NEW.day > OLD.day AND NEW.times = 1))",
        "refusals: they are counted one by one",
    ),
    refuse("refusals_begin", "INSERT", "refusals", "NEW.times <> 1", "refusals: a count begins at 1"),
    refuse("refusals_never_removed", "DELETE", "refusals", ALWAYS, "refusals: a count is never removed"),
]


def _may_not(person: str, *roles: str) -> str:
    """That a person is suspended, or holds none of these roles."""
    held = ", ".join(f"'{role}'" for role in roles)
    return (
        "NOT EXISTS (SELECT 1 FROM users JOIN user_roles USING (name) "  # noqa: S608 -- words from this file
        f"WHERE name = {person} AND suspended = 0 AND role IN ({held}))"
    )


def _of_terms(path: str) -> str:
    return text_of("NEW.terms", path)


_OWN_SEARCH = (
    "EXISTS (SELECT 1 FROM alerts JOIN policies ON policies.digest = policy_digest "  # noqa: S608 -- words from this file
    "WHERE alert_id = NEW.alert_id AND submitted_by = NEW.reviewer "
    f"AND {flag_of('body', 'review.submitter_may_review')} = 0) "
    "OR (EXISTS (SELECT 1 FROM known_items WHERE alert_id = NEW.alert_id) "
    "AND EXISTS (SELECT 1 FROM alerts WHERE alert_id = NEW.alert_id AND submitted_by = NEW.reviewer))"
)
_LOADERS = names_in("NEW.loaders")
_NOT_AMONG_LOADERS = f"NOT EXISTS (SELECT 1 FROM {_LOADERS} WHERE loader.value = NEW.loaded_by)"  # noqa: S608 -- words from this file
_DEEDS = [
    refuse(
        "revisions_of_their_loader",
        "INSERT",
        "revisions",
        f"{_may_not('NEW.loaded_by', 'admin')} OR {_NOT_AMONG_LOADERS}",
        "revisions: an admin loads, and is one of the loaders",
    ),
    refuse("reports_of_admins", "INSERT", "reports", _may_not("NEW.made_by", "admin"), "reports: an admin makes them"),
    refuse(
        "certificates_of_approvers",
        "INSERT",
        "certificates",
        _may_not("NEW.approver", "approver"),
        "certificates: an approver signs them, who is not suspended",
    ),
    refuse(
        "certificates_of_certified_reports",
        "INSERT",
        "certificates",
        "NOT EXISTS (SELECT 1 FROM reports WHERE digest = NEW.report_digest AND list_id = NEW.list_id "
        "AND certified = 1)",
        "certificates: only a report that certifies the list can be signed",
    ),
    refuse(
        "certificates_say_what_was_signed",
        "INSERT",
        "certificates",
        f"{_of_terms('list_id')} IS DISTINCT FROM NEW.list_id "
        f"OR {_of_terms('revision_id')} IS DISTINCT FROM NEW.revision_id "
        f"OR {_of_terms('approver')} IS DISTINCT FROM NEW.approver "
        f"OR {_of_terms('binding.report_digest')} IS DISTINCT FROM NEW.report_digest OR length(NEW.signature) <> 64",
        "certificates: a row says what its signed terms say",
    ),
    refuse(
        "alerts_of_lists_that_serve",
        "INSERT",
        "alerts",
        "NOT EXISTS (SELECT 1 FROM watchlists JOIN certificates ON certificates.digest = watchlists.certificate_digest "
        "WHERE watchlists.list_id = NEW.list_id AND certificates.digest = NEW.certificate_digest "
        "AND suspended_at IS NULL AND retired_at IS NULL AND certificates.report_digest = NEW.report_digest)",
        "alerts: a list is searched that serves, under the report that was signed for",
    ),
    *(
        refuse(
            f"{table}_at_the_signed_threshold",
            "INSERT",
            table,
            "EXISTS (SELECT 1 FROM alerts JOIN certificates ON certificates.digest = certificate_digest "  # noqa: S608 -- words from this file
            f"WHERE alert_id = NEW.alert_id AND threshold IS DISTINCT FROM {number_of('terms', 'binding.threshold')})",
            f"{table}: a list is searched at the threshold that was signed for",
        )
        for table in ("searches", "leads")  # a known-answer item is in neither, and has a threshold of its own
    ),
    refuse(
        "alerts_of_who_may_search",
        "INSERT",
        "alerts",
        _may_not("NEW.submitted_by", "admin", "reviewer"),
        "alerts: an admin or a reviewer searches, who is not suspended",
    ),
    refuse(
        "progress_of_reviewers",
        "INSERT",
        "progress",
        _may_not("NEW.reviewer", "reviewer"),
        "progress: a reviewer judges, who is not suspended",
    ),
    refuse(
        "progress_not_of_own_searches",
        "INSERT",
        "progress",
        _OWN_SEARCH,
        "progress: nobody judges their own search, unless the policy lets them",
    ),
    refuse(
        "judgements_of_reviewers",
        "INSERT",
        "judgements",
        f"{_may_not('NEW.reviewer', 'reviewer')} OR length(NEW.signature) <> 64",
        "judgements: a reviewer signs them, who is not suspended",
    ),
    refuse(
        "judgements_of_open_alerts",
        "INSERT",
        "judgements",
        "EXISTS (SELECT 1 FROM alerts WHERE alert_id = NEW.alert_id "
        "AND (closed_at IS NOT NULL OR concluded_at IS NOT NULL))",
        "judgements: this alert is closed or concluded",
    ),
    refuse(
        "reviewer_rights_given_back_by_admins",
        "INSERT",
        "reviewer_rights",
        f"NEW.suspended = 0 AND {_may_not('NEW.changed_by', 'admin')}",
        "reviewer_rights: an admin gives them back, who is not suspended",
    ),
    refuse(
        "erasures_of_admins",
        "INSERT",
        "erasures",
        _may_not("NEW.erased_by", "admin"),
        "erasures: an admin erases, who is not suspended",
    ),
]
ROLE_TRIGGERS = [*_PEOPLE, *_TERMS, *_DEEDS]
