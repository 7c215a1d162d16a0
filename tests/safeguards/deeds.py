"""Every forbidden deed and every way to do it: the command line, the services, the interface, and SQL.

A way that does not exist has no entry; `NO_COMMAND` says of which deeds the program has none, and why.
"""

from collections.abc import Callable
from pathlib import Path

from matcher.domain.case import Verdict
from matcher.domain.face import Picture
from matcher.domain.people import Role
from matcher.domain.watchlist import ListTerms
from matcher.errors import AnotherPersonNeeded, MatcherError, MissingRole, Refused, WrongPassphrase
from matcher.services.activate import activate, prepare, prepare_renewal
from matcher.services.calibrate import Question, calibrate_list
from matcher.services.collections import create_list, retire_list
from matcher.services.erase import erase_listed
from matcher.services.expire import erase_expired_lists
from matcher.services.people import add_user, set_suspended
from matcher.services.remove import remove_subjects
from matcher.services.rotate import rotate_home_key
from matcher.services.submit import Errand, submit
from matcher.services.vigilance import statistics
from matcher.services.workplace import sign_in
from tests.safeguards.town import Town
from tests.services.world import NOBODY, PASSPHRASE, PILOT, VectorPipeline, judgement, vectors

Deed = Callable[[Town], object]


def _suspend(town: Town, name: str) -> None:
    set_suspended(town.sessions["boss"], name, True)


def _suspended_submits(town: Town) -> object:
    _suspend(town, "eve")
    return town.submit(town.templates[1], who="eve")


def _suspended_finds_nobody(town: Town) -> object:
    """Without a candidate no row of an alert is written, which the database would refuse."""
    _suspend(town, "eve")
    return town.submit(vectors(1, seed=99)[0], who="eve")


def _suspended_between_pictures(town: Town) -> object:
    images = [(Path("probe.jpg"), lambda _: Picture("probe", vectors(1, seed=98)[0].tobytes()))] * 2
    done = submit(town.sessions["eve"], "missing", images, Errand("x", "y"), VectorPipeline)
    next(done)
    _suspend(town, "eve")
    return next(done)


def _suspended_judges(town: Town) -> object:
    desk = town.desk("cleo")
    alert = desk.claim(town.alerts()[1])
    _suspend(town, "cleo")
    return desk.judge(alert.alert_id, judgement(alert.candidates[0].candidate_id, Verdict.DIFFERENT))


def _suspended_admin(town: Town) -> object:
    _suspend(town, "eve")
    return set_suspended(town.sessions["eve"], "ana", True)


def _suspended_adds(town: Town) -> object:
    _suspend(town, "eve")
    return add_user(town.place, town.sessions["eve"], "mallory", frozenset({Role.ADMIN}), PASSPHRASE)


def _suspended_calibrates(town: Town) -> object:
    _suspend(town, "eve")
    return calibrate_list(town.sessions["eve"], Question("missing", "staff", PILOT), NOBODY)


def _suspended_signs(town: Town) -> object:
    prepared = prepare(town.sessions["vera"], "missing")
    _suspend(town, "vera")
    return activate(town.sessions["vera"], prepared, prepared.number, prepared.missed_group)


# name: (what is done, what is raised, what the log calls it)
SERVICES: dict[str, tuple[Deed, type[MatcherError], str]] = {
    "the loader approves": (
        lambda town: prepare(town.sessions["eve"], "missing"),
        AnotherPersonNeeded,
        "watchlist.activate",
    ),
    "the loader renews": (
        lambda town: prepare_renewal(town.sessions["eve"], "missing"),
        AnotherPersonNeeded,
        "watchlist.renew",
    ),
    "a reviewer approves": (lambda town: prepare(town.sessions["ana"], "missing"), MissingRole, "watchlist.activate"),
    "an admin approves": (lambda town: prepare(town.sessions["boss"], "missing"), MissingRole, "watchlist.activate"),
    "an approver judges": (lambda town: town.desk("vera").claim(town.alerts()[1]), MissingRole, "alert.claim"),
    "an auditor judges": (lambda town: town.desk("audrey").claim(town.alerts()[1]), MissingRole, "alert.claim"),
    "one person judges twice": (lambda town: town.desk("ana").claim(town.alerts()[0]), Refused, "alert.claim"),
    "a searcher judges the search": (lambda town: town.desk("eve").claim(town.alerts()[0]), Refused, "alert.claim"),
    "an approver searches": (lambda town: town.submit(town.templates[1], who="vera"), MissingRole, "submit"),
    "an auditor searches": (lambda town: town.submit(town.templates[1], who="audrey"), MissingRole, "submit"),
    "a reviewer loads": (lambda town: town.load(who="ana"), MissingRole, "list.loaded"),
    "a reviewer removes": (
        lambda town: remove_subjects(town.sessions["ana"], "missing", ["S001"]),
        MissingRole,
        "watchlist.remove",
    ),
    "a reviewer erases": (
        lambda town: erase_listed(town.sessions["ana"], "missing", ["S001"], True),
        MissingRole,
        "watchlist.erase",
    ),
    "a reviewer rotates the home key": (
        lambda town: rotate_home_key(town.sessions["ana"], lambda *_: None),
        MissingRole,
        "home.rotate",
    ),
    "an auditor rotates the home key": (
        lambda town: rotate_home_key(town.sessions["audrey"], lambda *_: None),
        MissingRole,
        "home.rotate",
    ),
    "an approver erases what is over": (
        lambda town: erase_expired_lists(town.sessions["vera"], None, True),
        MissingRole,
        "watchlist.erase",
    ),
    "a reviewer calibrates": (
        lambda town: calibrate_list(town.sessions["ana"], Question("missing", "staff", PILOT), NOBODY),
        MissingRole,
        "calibrate",
    ),
    "a reviewer makes a list": (
        lambda town: create_list(
            town.sessions["ana"], "planted-name", ListTerms("p", "l", "o", town.clock.now.date(), 1)
        ),
        MissingRole,
        "watchlist.create",
    ),
    "an approver retires a list": (lambda town: retire_list(town.sessions["vera"], "missing"), MissingRole, "retire"),
    "a reviewer adds an approver": (
        lambda town: add_user(town.place, town.sessions["ana"], "mallory", frozenset({Role.APPROVER}), PASSPHRASE),
        MissingRole,
        "user.add",
    ),
    "a stranger adds an admin": (
        lambda town: add_user(town.place, None, "mallory", frozenset({Role.ADMIN}), PASSPHRASE),
        Refused,
        "user.add",
    ),
    "a reviewer suspends": (lambda town: set_suspended(town.sessions["ana"], "ben", True), MissingRole, "user.suspend"),
    "an admin suspends themselves": (
        lambda town: set_suspended(town.sessions["boss"], "boss", True),
        Refused,
        "user.suspend",
    ),
    "an approver reads reviewers' figures": (lambda town: statistics(town.sessions["vera"]), MissingRole, "reviewers"),
    "a wrong passphrase": (lambda town: sign_in(town.place, "ana", "not the one"), WrongPassphrase, "sign in"),
    "somebody unknown": (lambda town: sign_in(town.place, "planted-name", PASSPHRASE), Refused, "sign in"),
    "a suspended person searches": (_suspended_submits, Refused, "submit"),
    "a suspended person finds nobody": (_suspended_finds_nobody, Refused, "submit"),
    "somebody is suspended between pictures": (_suspended_between_pictures, Refused, "submit"),
    "a suspended person judges": (_suspended_judges, Refused, "alert.judge"),
    "a suspended person suspends": (_suspended_admin, Refused, "user.suspend"),
    "a suspended person adds an admin": (_suspended_adds, Refused, "user.add"),
    "a suspended person calibrates": (_suspended_calibrates, Refused, "calibrate"),
    "a suspended person signs": (_suspended_signs, Refused, "watchlist.activate"),
}

_TERMS = "--purpose p --legal-basis l --owner o --expires 2099-01-01 --searches-per-day 1"
_PROBE = "--case x --reason y"

# name: (who, the words, exit code)
COMMANDS: dict[str, tuple[str, str, int]] = {
    "the loader approves": ("eve", "watchlist activate missing", 7),
    "the loader renews": ("eve", "watchlist renew missing", 7),
    "the loader raises": ("eve", "watchlist raise missing --threshold 0.9", 7),
    "a reviewer approves": ("ana", "watchlist activate missing", 3),
    "an admin approves": ("boss", "watchlist activate missing", 3),
    "an approver searches": ("vera", f"submit missing {{picture}} {_PROBE}", 3),
    "an auditor searches": ("audrey", f"submit missing {{picture}} {_PROBE}", 3),
    "a reviewer removes": ("ana", "watchlist remove missing S001", 3),
    "a reviewer erases": ("ana", "watchlist erase missing --subject S001 --stop --yes", 3),
    "a reviewer rotates the home key": ("ana", "rotate-key --yes", 3),
    "an auditor rotates the home key": ("audrey", "rotate-key --yes", 3),
    "an approver erases what is over": ("vera", "watchlist erase --expired --yes", 3),
    "a reviewer calibrates": ("ana", "calibrate missing --cohort staff", 3),
    "a reviewer makes a list": ("ana", f"watchlist create planted-name {_TERMS}", 3),
    "an approver retires a list": ("vera", "watchlist retire missing --yes", 3),
    "a reviewer adds an approver": ("ana", "user add mallory --role approver", 3),
    "a reviewer suspends": ("ana", "user suspend ben", 3),
    "an admin suspends themselves": ("boss", "user suspend boss", 3),
    "an approver reads reviewers' figures": ("vera", "reviewers", 3),
    "a reviewer reads look-alikes": ("ana", "watchlist show missing --look-alikes", 3),
    "a reviewer counts innocents": ("ana", "audit innocents missing --cohort staff", 3),
    "somebody unknown": ("planted-name", "outcomes", 3),
}

NO_COMMAND = {
    "an approver judges": "judging has no command: `review` opens the interface, which needs a terminal",
    "an auditor judges": "as above",
    "one person judges twice": "as above",
    "a searcher judges the search": "as above",
    "a suspended person judges": "as above",
    "a stranger adds an admin": "the command asks who one is before it asks a service",
    "a reviewer loads": "loading reads its file first; `test_deeds.py` gives one",
    "a wrong passphrase": "`test_deeds.py` gives one",
    "a suspended person searches": "whoever is suspended does not get past signing in, tried once in `test_deeds.py`",
    "a suspended person finds nobody": "as above",
    "somebody is suspended between pictures": "as above",
    "a suspended person suspends": "as above",
    "a suspended person adds an admin": "as above",
    "a suspended person calibrates": "as above",
    "a suspended person signs": "as above",
}

_CERTIFICATE = (
    "INSERT INTO certificates SELECT 'new', list_id, revision_id, report_digest, {}, terms, {} FROM certificates"
)
_VERAS = "'vera', approver_key"
_EVES = "'eve', (SELECT public_key FROM users WHERE name = 'eve')"
_ALERT = "(SELECT alert_id FROM alerts WHERE submitted_by = '{}')"
_LEAD = (
    "INSERT INTO leads SELECT alert_id, candidate_id, '2026' FROM candidates JOIN alerts USING (alert_id) "
    "WHERE submitted_by = '{}'"
)
_LOW = (
    "INSERT INTO alerts SELECT 'low', list_id, revision_id, certificate_digest, report_digest, policy_digest, "
    "0, '2026/9', reason, 1, 'boss', submitted_at, NULL, NULL, NULL, NULL, place, probe FROM alerts LIMIT 1"
)
_STEP = (
    "INSERT INTO progress (alert_id, reviewer, claim_number, account, terminal, candidate_order) "
    "VALUES ({}, '{}', 9, 'a', '', '[]')"
)
_SAID = (
    "INSERT INTO judgements SELECT alert_id, 9, candidate_id, '{}', account, terminal, made_at, verdict, checklist, "
    "mode, face_pixels, milliseconds, signature FROM judgements LIMIT 1"
)

SQL: dict[str, str] = {
    "the loader approves": _CERTIFICATE.format(_EVES, "signature"),
    "a reviewer approves": _CERTIFICATE.format("'ana', approver_key", "signature"),
    "terms that say another thing than the row": _CERTIFICATE.format(_VERAS, "signature").replace(
        ", terms,", ", replace(terms, 'vera', 'ann'),"
    ),
    "a signature that is none": _CERTIFICATE.format(_VERAS, "x'00'"),
    "another certificate": "UPDATE certificates SET terms = replace(terms, 'threshold', 'threshold')",
    "no certificate": "UPDATE watchlists SET certificate_digest = NULL",
    "a certificate gone": "DELETE FROM certificates",
    "a list made to serve": "UPDATE watchlists SET serving_id = 'x', certificate_digest = 'y'",
    "a longer life": "UPDATE watchlists SET expires = '2999-01-01'",
    "another purpose": "UPDATE watchlists SET purpose = 'anything'",
    "a list gone": "DELETE FROM watchlists",
    "another person who loaded": "UPDATE revisions SET loaders = '[\"boss\"]'",
    "a revision of somebody who did not load it": (
        "INSERT INTO revisions SELECT 'r', collection_id, 9, digest, model, subjects, templates, rejected, 'boss', "
        "loaded_at, '[\"eve\"]', quality, touchstone FROM revisions LIMIT 1"
    ),
    "a reviewer loads": (
        "INSERT INTO revisions SELECT 'r', collection_id, 9, digest, model, subjects, templates, rejected, 'ana', "
        "loaded_at, '[\"ana\"]', quality, touchstone FROM revisions LIMIT 1"
    ),
    "a reviewer calibrates": (
        "INSERT INTO reports SELECT 'd', list_id, revision_id, cohort_revision_id, policy_digest, 1, 'ana', made_at, "
        "body FROM reports"
    ),
    "an uncertified report certified": "UPDATE reports SET certified = 1",
    "a looser policy": "UPDATE policies SET body = x'7b7d'",
    "a cohort of another source": "UPDATE cohorts SET source = 'better people'",
    "an approver judges": _STEP.format(_ALERT.format("boss"), "vera"),
    "one person judges twice": _STEP.format(_ALERT.format("eve"), "ana").replace("INSERT", "REPLACE"),
    "a searcher judges the search": _STEP.format(_ALERT.format("eve"), "eve"),
    "words of an approver": _SAID.format("vera"),
    "words after the score": _SAID.format("ana"),
    "a judgement turned": "UPDATE judgements SET verdict = 'same'",
    "a judgement gone": "DELETE FROM judgements",
    "a lead of one": _LEAD.format("eve"),
    "a lead of nobody": _LEAD.format("boss"),
    "a step back": "UPDATE progress SET disclosed_at = NULL",
    "an approver searches": (
        "INSERT INTO alerts SELECT 'a', list_id, revision_id, certificate_digest, report_digest, policy_digest, "
        "threshold, case_reference, reason, 1, 'vera', submitted_at, NULL, NULL, NULL, NULL, place, probe "
        "FROM alerts LIMIT 1"
    ),
    "an alert under another certificate": (
        "INSERT INTO alerts SELECT 'a', list_id, revision_id, 'other', report_digest, policy_digest, threshold, "
        "case_reference, reason, 1, 'boss', submitted_at, NULL, NULL, NULL, NULL, place, probe FROM alerts LIMIT 1"
    ),
    "a lower threshold": "UPDATE alerts SET threshold = 0",
    "a candidate below it": ("INSERT INTO candidates SELECT alert_id, 'c', x'00', -900000, 9 FROM alerts"),
    "a count of a case": "UPDATE case_searches SET n = 0",
    "a count of a case gone": "DELETE FROM case_searches",
    "a search gone": "DELETE FROM searches",
    "a role taken": "INSERT INTO user_roles VALUES ('ana', 'approver')",
    "a role exchanged": "UPDATE user_roles SET role = 'approver' WHERE name = 'ana'",
    "a role gone": "DELETE FROM user_roles WHERE name = 'eve'",
    "a person gone": "DELETE FROM users WHERE name = 'vera'",
    "a key exchanged": "UPDATE users SET public_key = zeroblob(32) WHERE name = 'vera'",
    "one key under two names": (
        "INSERT INTO users SELECT 'ana2', public_key, keys, created_at, 0 FROM users WHERE name = 'ana'"
    ),
    "a person replaced": (
        "REPLACE INTO users SELECT name, zeroblob(32), keys, created_at, 0 FROM users WHERE name = 'vera'"
    ),
    "a reviewer restores": "INSERT INTO reviewer_rights VALUES ('ana', 2, 0, 'ben', 'trained', 0, '2026')",
    "a log entry": "UPDATE log SET actor = 'ben' WHERE sequence = 3",
    "a log entry gone": "DELETE FROM log WHERE sequence = (SELECT MAX(sequence) FROM log)",
    "a log entry put in": (
        "INSERT INTO log SELECT 9999, time, actor, account, terminal, action, details, previous, 'x' FROM log LIMIT 1"
    ),
    "the head of the log": "UPDATE log_head SET sequence = 1",
    "the head of the log gone": "DELETE FROM log_head",
    "somebody removed who is back": (
        "UPDATE users SET keys = (SELECT keys FROM users WHERE name = 'ana') WHERE name = 'vera'"
    ),
    "a recovery key of one's own": "UPDATE home SET recovery_public = zeroblob(32), recovery_sealed = zeroblob(92)",
    "a demo home that is none": "UPDATE home SET demo = 1",
    "refusals forgotten": "DELETE FROM refusals",
    "refusals counted anew": "UPDATE refusals SET times = 1",
    "refusals begun with many": "INSERT INTO refusals VALUES ('ben', 'submit', '', 'Refused', '2026-01-01', 9)",
    "a case begun with many": "INSERT INTO case_searches VALUES ('x', 'y', 9)",
    "a reviewer erases": "INSERT INTO erasures VALUES (1, 'e', 'l', 'ana', '2026', NULL)",
    "a reviewer rotates the home key": "INSERT INTO erasures SELECT 1, 'e', home_id, 'ana', '2026', NULL FROM home",
    "a home key of one's own for the recovery code": "UPDATE home SET recovery_sealed = zeroblob(92)",
    "a value sealed anew without a rotation": (
        "INSERT INTO resealed_parts SELECT alert_id, 'probe', 1, 'before', 'after' FROM alerts LIMIT 1"
    ),
    "another photograph": "UPDATE alerts SET probe = x'01'",
    "a second home": "REPLACE INTO home SELECT 2, home_id, created_at, 1, recovery_public, recovery_sealed FROM home",
    "no home": "DELETE FROM home",
    "a suspended list that serves again": "UPDATE watchlists SET suspended_by = NULL, suspended_at = NULL, "
    "suspension_reason = NULL",
    "a search below the threshold": (
        "INSERT INTO searches SELECT report_digest, 3, '2026/9', 3, 'low' FROM searches LIMIT 1"
    ),
    "a lead below the threshold": "INSERT INTO leads VALUES ('low', 'c', '2026')",
    "a judgement of a closed alert": (
        "INSERT INTO judgements SELECT alert_id, 9, 'c', 'ben', 'a', '', submitted_at, 'same', '[]', 'm', 99, 9, "
        "zeroblob(64) FROM alerts WHERE submitted_by = 'boss'"
    ),
    "a certificate of a report that certifies nothing": (
        "INSERT INTO certificates SELECT 'new', list_id, revision_id, 'none', approver, approver_key, "
        "replace(terms, report_digest, 'none'), signature FROM certificates"
    ),
}

# What has to be so before a deed can be tried; nothing forbids it by itself.
BEFORE: dict[str, tuple[str, ...]] = {
    "somebody removed who is back": ("UPDATE users SET keys = x'', suspended = 1 WHERE name = 'vera'",),
    "a suspended list that serves again": (
        "UPDATE watchlists SET suspended_by = 'ana', suspended_at = '2999', suspension_reason = 'x'",
    ),
    "a search below the threshold": (_LOW,),
    "a lead below the threshold": (_LOW,),
    "a judgement of a closed alert": (
        "UPDATE alerts SET closed_at = '2026', closed_reason = 'x' WHERE submitted_by = 'boss'",
    ),
}
