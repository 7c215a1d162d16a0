"""For every attempt that something answers: that something, weakened. What it stopped must then end otherwise.

Attempts that a rule of the database answers are not in the table: the rule whose sentence they promise is dropped.
`SECOND_LAYER` are those that another layer answers then, so that the verdict stays and the layer does not.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from matcher.bypass.attempt import Attempt, Layer, Verdict
from matcher.bypass.table import FAMILIES
from matcher.bypass.town import PASSPHRASE, PLANTED, Done, Town, judgement
from matcher.domain.case import Outcome
from matcher.domain.case import Verdict as Says
from matcher.domain.desk import Label
from matcher.domain.policy import TIER_LIMITS, Policy, Tier
from matcher.domain.watchlist import ListState
from matcher.services import activate
from matcher.services.workplace import Session
from matcher.store.keyring import HomeKeyring

Weakening = Callable[[Town, pytest.MonkeyPatch], object]

ATTEMPTS = {attempt.name: (family, attempt) for family, some in FAMILIES for attempt in some}


def weakening_of(attempt: Attempt) -> Weakening | None:
    """What weakens the answer to an attempt; None where nothing answers."""
    if attempt.promise.verdict is Verdict.OUT_OF_SCOPE:
        return None
    if attempt.promise.layer is Layer.DATABASE:
        return lambda town, _: _drop(town, attempt.promise.words)
    return WEAKENINGS[attempt.name]


def _drop(town: Town, words: str) -> None:
    rules = town.rows("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    town.sql(*(f"DROP TRIGGER {name}" for name, sql in rules if words in sql))
    assert town.altered, words


def _says(target: str, value: object = None) -> Weakening:
    """A check that says the same of everything."""
    return lambda _, patch: patch.setattr(target, lambda *_args, **_named: value)


def _is(target: str, value: object) -> Weakening:
    return lambda _, patch: patch.setattr(target, value)


def _both(*some: Weakening) -> Weakening:
    return lambda town, patch: [one(town, patch) for one in some]


def _command(code: int, said: str = "") -> Weakening:
    return _says("matcher.bypass.town.Town.command", Done(code, said))


def _differs(_: Town, patch: pytest.MonkeyPatch) -> None:
    """A program that heeds whatever is in its environment."""
    patch.setattr(Town, "command", lambda _, *_words, **surroundings: Done(0, str(sorted(surroundings))))


def _any_passphrase(_: Town, patch: pytest.MonkeyPatch) -> None:
    unlock = HomeKeyring.unlock
    patch.setattr(HomeKeyring, "unlock", lambda self, record, _passphrase: unlock(self, record, PASSPHRASE))


def _any_number(_: Town, patch: pytest.MonkeyPatch) -> None:
    sign = activate._sign
    patch.setattr(activate, "_sign", lambda session, prepared, _typed: sign(session, prepared, prepared.number))


def _judged(_: Any, work: Any, alert: str) -> dict[str, Any]:
    return {one: judgement(one, Says.SAME) for one in work.alerts.line(alert).candidate_ids}


def _leaks(_: Town, patch: pytest.MonkeyPatch) -> None:
    """A new use case that shows a name."""

    def leak(session: Session) -> list[tuple[str, bytes]]:
        return [(session.user.name, f"{PLANTED} 3".encode())]

    leak.__module__ = activate.__name__
    patch.setattr(activate, "leak", leak, raising=False)


def _in_clear(town: Town, _: pytest.MonkeyPatch) -> None:
    (town.home / "sealed" / "notes").write_text(f"{PLANTED} 7")


def _certified_by_its_terms(_: Town, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("matcher.services.search._binding_of", lambda _report, _policy, signed: signed.terms.binding)


class _BlindDesk:
    """Claims without opening anything."""

    def claim(self, _alert: str) -> None:
        return None


UNVERIFIED = _says("matcher.bypass.run.verify")
UNCOMPARED = _says("matcher.services.audit._same")
UNSIGNED = _says("matcher.domain.certificate.verify_signature")
UNCHECKED = _says("matcher.domain.certificate.Certificate.check")
ANY_ROLE = _says("matcher.domain.people.User.require")
ANY_APPROVER = _says("matcher.services.activate._check_person")
ANY_POLICY = _is("matcher.domain.policy.Policy.model_validate", lambda _: Policy())
WAITS = _says("matcher.services.review_files.Standing.waits_for", True)
UNLOOKED = _says("matcher.bypass.town.Town.submit")

WEAKENINGS: dict[str, Weakening] = {
    # environment, configuration and flags
    "environment variables that ask for less": _differs,
    "checks switched off with Python's own switch": _command(0, "verified"),
    "another account's name in the environment": _command(3),
    "a configuration key that asks for less": _says("matcher.config._read", {}),
    "a policy of one reviewer": ANY_POLICY,
    "a policy without blind review": ANY_POLICY,
    "a policy that allows one false alarm in five": _is(
        "matcher.domain.policy.TIER_LIMITS", (*TIER_LIMITS, (Tier.PILOT, 1.0))
    ),
    "a policy key that confirms by itself": ANY_POLICY,
    "flags that skip a safeguard": _command(0),
    "a script that reviews": _command(0),
    # people and roles
    "the loader approves": ANY_APPROVER,
    "an admin approves": ANY_APPROVER,
    "an approver signs unread": _any_number,
    "an approver searches": ANY_ROLE,
    "a reviewer changes the list": ANY_ROLE,
    "a stranger makes themselves admin": _says("matcher.store.users.SqlUsers.count", 0),
    "a suspended person goes on in an open session": _says("matcher.services.submit.still_here"),
    "a search goes on after the stop button": _is(
        "matcher.domain.watchlist.Watchlist.require_active", lambda found, _: (found.serving, found.certificate)
    ),
    "an auditor reads names": _says("matcher.services.outcomes._opened", (Label("S007", PLANTED, ""), "2026/7")),
    "an auditor opens pictures": _is("matcher.services.workplace.Session.vault", property(lambda _: object())),
    "a removed person signs in": _says("matcher.bypass.people.sign_in"),
    "a recovery code used twice": _says("matcher.bypass.people.recover_home"),
    "guessed passphrases": _any_passphrase,
    # certificates and searches
    "a certificate signed by somebody else": UNSIGNED,
    "a certificate that a loader signed": _says("matcher.domain.certificate.Certificate.__post_init__"),
    "a threshold lowered in signed terms": UNSIGNED,
    "a lease prolonged in signed terms": UNSIGNED,
    "a certificate shown for another list": UNCHECKED,
    "a certificate replayed after the threshold was raised": UNCHECKED,
    "the lower threshold brought back after a raise": _says("matcher.services.activate._check_ratchet"),
    "a raise to a lower threshold": _says("matcher.bypass.certificates.prepare_renewal"),
    "a threshold asked for at which the list errs too often": _says("matcher.services.activate._prepared"),
    "a list that nobody tested": _says("matcher.bypass.certificates.open_list"),
    "a certificate after its end": _both(
        _says("matcher.domain.watchlist.Watchlist.state", ListState.ACTIVE), UNCHECKED
    ),
    "an opened list kept beyond its certificate": UNCHECKED,
    "the clock set back": _is("matcher.services.search.CLOCK_TOLERANCE", timedelta(days=1)),
    "the clock set back by minutes, for a lease that has ended": _both(
        _is("matcher.services.search.time_of_list", lambda _, now: now),
        _is("matcher.services.submit.time_of_list", lambda _, now: now),
    ),
    "a list renewed after its last day": _says("matcher.domain.watchlist.Watchlist.require_open"),
    "a report of a quarter ago signed again": _is("matcher.services.activate.REPORT_LIFE", timedelta(days=999)),
    "photographs seen by another model": _both(_says("matcher.services.submit.require_same_model"), UNCHECKED),
    "templates of another model given to the search itself": UNCHECKED,
    # review
    "the same person judges twice": WAITS,
    "one person under two names at one seat": _says("matcher.services.review_desk.Desk._check_independence"),
    "one person under two names at one seat, where the policy lets them": _says(
        "matcher.services.review_desk.independent", True
    ),
    "the searcher judges the search": WAITS,
    "a name after one judgement of two": _both(
        _is(
            "matcher.services.review_files.conclude",
            lambda candidates, *_: tuple((one, Outcome.LEAD) for one in candidates),
        ),
        _is("matcher.services.review_files.Standing.is_open", False),
    ),
    "the score before the judgement": _is("matcher.services.review_desk.Desk._own_judgements", _judged),
    "swayed towards *same* by the score": _says("matcher.domain.case.ReviewFile.counted", (Says.SAME, False)),
    "*same* said of faces too small to compare": _says("matcher.domain.case.Judgement.check"),
    "*same* without looking at the parts of the face": _says("matcher.domain.case.Judgement.check"),
    "a key held down": _is("matcher.review.keys.REPEAT_SECONDS", 0.0),
    # SQL, with the rules taken away
    "a rule of the database dropped": _both(_says("matcher.store.unit_of_work.SqlUnitOfWork.check_schema"), UNCOMPARED),
    "a lead written with the rules away and back again": UNCOMPARED,
    "a log entry edited with the rules away and back again": _says("matcher.store.log._fault"),
    "the end of the log cut off": UNVERIFIED,
    "a log entry invented": UNVERIFIED,
    "a second reviewer made of the first, by SQL": _says("matcher.services.outcomes.require_signed"),
    "judgements removed with the rules away and back again": UNCOMPARED,
    "a role written with the rules away and back again": UNCOMPARED,
    "one person's wrapped keys in another's place": _says("matcher.bypass.town.sign_in"),
    "an approver's key exchanged, and a longer lease signed with it": UNVERIFIED,
    "an approver's key exchanged, and a lower threshold signed with it": _certified_by_its_terms,
    "the certificate from before a raise made to serve again": UNVERIFIED,
    "the certified threshold lowered in the report": _says("matcher.store.reports._check"),
    "the certified threshold lowered in the report, and all that rests on it signed anew": _certified_by_its_terms,
    "a search's threshold and scores rewritten": UNCOMPARED,
    "refused attempts forgotten": UNVERIFIED,
    # files
    "the home key kept by somebody who was removed": _is("matcher.store.home_key.next_home_key", lambda key: key),
    "the files of the home read": _in_clear,
    "a home that others may open": _says("matcher.store.home._require_private"),
    "one bit of the templates flipped": UNLOOKED,
    "another list's index in the place of this one's": UNLOOKED,
    "another list's files and digest in the place of this one's": UNLOOKED,
    "an untested revision made to serve": UNLOOKED,
    "what was loaded removed": _says("matcher.store.revisions_file.SealedRevisions.present", True),
    "one search's photograph in the place of another's": _both(
        _is("matcher.bypass.town.Town.desk", lambda *_: _BlindDesk()), UNVERIFIED
    ),
    "weights of a model exchanged": _says("matcher.bypass.files.read_weights"),
    "a database that says it is of another version": _is("matcher.store.schema.SCHEMA_VERSION", 1),
    # programs
    "every use case, called by a program with all that can be typed": _leaks,
}

SECOND_LAYER = frozenset(
    {
        "an approver searches",
        "a reviewer changes the list",
        "a stranger makes themselves admin",
        "a suspended person goes on in an open session",
        "a search goes on after the stop button",
        "the searcher judges the search",
        "swayed towards *same* by the score",
        "a certificate copied to another list, by SQL",
        "a second reviewer made of the first, by SQL",
        "one person's wrapped keys in another's place",
        "an approver's key exchanged, and a lower threshold signed with it",
        "the certified threshold lowered in the report",
        "the certified threshold lowered in the report, and all that rests on it signed anew",
        "another list's files and digest in the place of this one's",
        "an untested revision made to serve",
    }
)
