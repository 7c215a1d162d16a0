"""Reviewing: two different people, each blind, each seeing the faces."""

from dataclasses import replace

from matcher.bypass.attempt import OUT_OF_SCOPE, Answer, Attacker, Attempt, Layer, detected, prevented, withstood
from matcher.bypass.attempt import Verdict as Says
from matcher.bypass.town import SHARED, Town, activated, calibrate, judgement
from matcher.domain.case import Correction, Outcome, Verdict
from matcher.review.intents import Commit, Disclose
from matcher.review.keys import press
from matcher.review.session import Drawn, opened, saved

_DELAY, _REPEAT = 0.66, 0.033  # seconds before a held key repeats, and between its repeats


def _scores_first(town: Town) -> object:
    alert = town.alerts()[1]
    town.desk("ben").claim(alert)
    return town.desk("ben").disclose(alert)


def _small_faces(town: Town) -> None:
    alert, desk = town.alerts()[1], town.desk("ben")
    candidate = desk.claim(alert).candidates[0].candidate_id
    desk.judge(alert, judgement(candidate, Verdict.SAME, face_pixels=63))


def _no_checklist(town: Town) -> None:
    alert, desk = town.alerts()[1], town.desk("ben")
    candidate = desk.claim(alert).candidates[0].candidate_id
    desk.judge(alert, replace(judgement(candidate, Verdict.SAME), checklist=()))


def _swayed(town: Town) -> Answer | None:
    alert = town.alerts()[0]
    desk = town.judge("ben", alert, Verdict.DIFFERENT)
    candidate = town.rows(f"SELECT candidate_id FROM candidates WHERE alert_id = '{alert}'")[0][0]  # noqa: S608 -- an id
    desk.correct(alert, Correction(candidate, Verdict.SAME, "the score is high"))
    outcomes = [one.outcome for one in desk.finish(alert)]
    if town.names() or outcomes != [Outcome.THIRD_NEEDED]:
        return None
    return withstood(Layer.RULES, "a change towards same never counts: a third reviewer is needed")


def _words_changed(town: Town) -> None:
    alert = town.alerts()[1]
    desk = town.judge("ben", alert, Verdict.DIFFERENT)
    candidate = town.rows(f"SELECT candidate_id FROM candidates WHERE alert_id = '{alert}'")[0][0]  # noqa: S608 -- an id
    desk.judge(alert, judgement(candidate, Verdict.SAME))


def _name_of_one(town: Town) -> Answer | None:
    names = town.names("ana") + town.names("boss")
    return None if names else withstood(Layer.SERVICES, "one judgement unseals nothing")


def _held_key(town: Town) -> Answer | None:
    """d, then enter held down: it commits once, and opens no score of an alert that has one candidate."""
    alert = town.desk("ben").claim(town.alerts()[1])
    state, now, commits = replace(opened(alert, 0.0), drawn=Drawn(True, "half block", 100)), 1.0, 0
    state, intent = press(state, "enter", now)
    if intent is not None:
        return None
    state, _ = press(state, "d", now + 1)
    for at in range(60):
        now += _DELAY if at == 1 else _REPEAT
        state, intent = press(state, "enter", now + 1)
        if isinstance(intent, Disclose):
            return None
        if isinstance(intent, Commit):
            commits += 1
            state = saved(state, intent.judgement, now + 1)
    return withstood(Layer.REVIEW, "a held key commits once") if commits == 1 else None


def _shared_seat(town: Town) -> Answer | None:
    """Under a policy that marks shared seats instead of refusing them."""
    before = set(town.alerts())
    calibrate(town, SHARED)
    activated(town)
    town.submit("boss", 9)
    (alert,) = set(town.alerts()) - before
    town.judge("ana", alert, Verdict.SAME).finish(alert)
    found = town.judge("ben", alert, Verdict.SAME, seat="ana").finish(alert)
    if any(one.independent for one in found):
        return None
    return Answer(Says.DETECTED, Layer.RULES, "the lead is marked: its reviewers are not independent")


def _one_as_two(town: Town) -> Answer | None:
    town.judge("ben", town.alerts()[0], Verdict.SAME).finish(town.alerts()[0])
    return None if town.names() else withstood(Layer.SERVICES, "no name was shown")


ATTEMPTS = (
    Attempt(
        "the same person judges twice",
        Attacker.REVIEWER,
        prevented(Layer.SERVICES, "does not wait for you"),
        "An alert that somebody judged does not wait for them again.",
        lambda town: town.desk("ana").claim(town.alerts()[0]),
    ),
    Attempt(
        "one person under two names at one seat",
        Attacker.REVIEWER,
        prevented(Layer.SERVICES, "another reviewer judged this alert from your operating-system account"),
        "The default policy refuses a second reviewer from the account or terminal of the first.",
        lambda town: town.desk("ben", seat="ana").claim(town.alerts()[0]),
    ),
    Attempt(
        "one person under two names at one seat, where the policy lets them",
        Attacker.REVIEWER,
        detected(Layer.RULES, "its reviewers are not independent"),
        "A policy may mark shared accounts and terminals instead: then the outcome says NOT INDEPENDENT.",
        _shared_seat,
    ),
    Attempt(
        "one person under two names at two seats",
        Attacker.REVIEWER,
        OUT_OF_SCOPE,
        "Who knows two passphrases and uses two accounts is two people to the program; it knows no faces of its users.",
        _one_as_two,
    ),
    Attempt(
        "the searcher judges the search",
        Attacker.REVIEWER,
        prevented(Layer.SERVICES, "or your own search"),
        "Whoever submitted a photograph is not among those who judge it, unless the policy lets them.",
        lambda town: town.desk("eve").claim(town.alerts()[0]),
    ),
    Attempt(
        "a name after one judgement of two",
        Attacker.REVIEWER,
        prevented(Layer.SERVICES, "one judgement unseals nothing"),
        "A name is unsealed for a lead, and a lead takes two people.",
        _name_of_one,
    ),
    Attempt(
        "the score before the judgement",
        Attacker.REVIEWER,
        prevented(Layer.SERVICES, "judge them before the scores are shown"),
        "Scores are disclosed once every candidate is judged.",
        _scores_first,
    ),
    Attempt(
        "another judgement after the score",
        Attacker.REVIEWER,
        prevented(Layer.DATABASE, "the score was already shown"),
        "After the score there are corrections only; the blind judgement stays.",
        _words_changed,
    ),
    Attempt(
        "swayed towards *same* by the score",
        Attacker.REVIEWER,
        prevented(Layer.RULES, "never counts"),
        "A change towards *same* never counts and sends the candidate to a third reviewer.",
        _swayed,
    ),
    Attempt(
        "*same* said of faces too small to compare",
        Attacker.REVIEWER,
        prevented(Layer.RULES, "faces are 63 pixels high"),
        "*Same* needs faces as tall on screen as the policy says.",
        _small_faces,
    ),
    Attempt(
        "*same* without looking at the parts of the face",
        Attacker.REVIEWER,
        prevented(Layer.RULES, "a finding for every component"),
        "*Same* needs a finding for every component of the checklist.",
        _no_checklist,
    ),
    Attempt(
        "a key held down",
        Attacker.REVIEWER,
        prevented(Layer.REVIEW, "commits once"),
        "Enter commits nothing by default, and a key that repeats by itself decides once.",
        _held_key,
    ),
)
