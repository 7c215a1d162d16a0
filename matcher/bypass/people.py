"""People who do what is another's to do."""

from contextlib import suppress
from pathlib import Path

from matcher.bypass.attempt import OUT_OF_SCOPE, Answer, Attacker, Attempt, Layer, prevented, withstood
from matcher.bypass.town import LIST, PASSPHRASE, Town, VectorPipeline
from matcher.domain.case import Verdict
from matcher.domain.face import Picture
from matcher.domain.people import Role, Seat
from matcher.errors import WrongPassphrase
from matcher.services.activate import activate, prepare
from matcher.services.collections import suspend_list
from matcher.services.people import add_user, recover_home, remove_user, set_suspended
from matcher.services.remove import remove_subjects
from matcher.services.submit import Errand, submit
from matcher.services.workplace import sign_in

_SOMEWHERE = Seat("account of mallory", "/dev/mallory")


def _stranger(town: Town) -> object:
    return add_user(town.place(_SOMEWHERE), None, "mallory", frozenset({Role.ADMIN}), PASSPHRASE)


def _other_number(town: Town) -> object:
    prepared = prepare(town.session("vera"), LIST)
    return activate(town.session("vera"), prepared, prepared.number + 1, prepared.missed_group)


def _suspended(town: Town) -> None:
    session = town.session("ben")
    set_suspended(town.session("boss"), "ben", True)
    picture = Picture("probe", town.templates[1].tobytes())
    list(submit(session, LIST, [(Path("probe.jpg"), lambda _: picture)], Errand("2026/9", "seen"), VectorPipeline))


def _stop_button(town: Town) -> object:
    picture = Picture("probe", town.templates[1].tobytes())
    images = [(Path("probe.jpg"), lambda _: picture)] * 2
    done = submit(town.session("boss"), LIST, images, Errand("2026/9", "seen"), VectorPipeline)
    next(done)
    suspend_list(town.session("cleo"), LIST, "wrong pictures")
    return next(done)


def _auditor(town: Town) -> object:
    town.judge("ben", town.alerts()[0], Verdict.SAME).finish(town.alerts()[0])
    if not town.names("boss") or town.names("audrey"):
        return None
    return withstood(Layer.SERVICES, "an auditor sees the outcome without the name")


def _invented(town: Town) -> Answer | None:
    """Two reviewers whose passphrases their admin knows, at seats of their own."""
    for name in ("ann", "dan"):
        add_user(town.session("boss").place, town.session("boss"), name, frozenset({Role.REVIEWER}), PASSPHRASE)
        town.judge(name, town.alerts()[1], Verdict.SAME).finish(town.alerts()[1])
    return None if town.names() else withstood(Layer.SERVICES, "no name was shown")


def _removed(town: Town) -> object:
    remove_user(town.session("boss"), "ben")
    return sign_in(town.place(_SOMEWHERE), "ben", PASSPHRASE)


def _recovers(town: Town, name: str) -> object:
    return recover_home(town.place(_SOMEWHERE), town.code, name, PASSPHRASE, lambda _: None)


def _recovers_again(town: Town) -> object:
    _recovers(town, "rita")
    return _recovers(town, "mallory")


def _passphrases(town: Town) -> None:
    place, last = town.place(_SOMEWHERE), PASSPHRASE[:-1]
    for guess in ("", "password", PASSPHRASE.upper(), f"{PASSPHRASE} "):
        with suppress(WrongPassphrase):
            sign_in(place, "ana", guess)
            return
    sign_in(place, "ana", last)


ATTEMPTS = (
    Attempt(
        "the loader approves",
        Attacker.ADMIN,
        prevented(Layer.SERVICES, "you loaded list missing"),
        "Whoever loaded a part of a list cannot sign for it, even with the role of an approver.",
        lambda town: prepare(town.session("eve"), LIST),
    ),
    Attempt(
        "an admin approves",
        Attacker.ADMIN,
        prevented(Layer.RULES, "boss is no approver"),
        "Signing takes the role of an approver.",
        lambda town: prepare(town.session("boss"), LIST),
    ),
    Attempt(
        "an approver signs unread",
        Attacker.APPROVER,
        prevented(Layer.SERVICES, "read it and type that number"),
        "The number of false alarms a day is typed in; another one signs nothing.",
        _other_number,
    ),
    Attempt(
        "an approver searches",
        Attacker.APPROVER,
        prevented(Layer.RULES, "vera is no admin or reviewer"),
        "Searching takes the role of an admin or a reviewer.",
        lambda town: town.submit("vera", 1),
    ),
    Attempt(
        "a reviewer changes the list",
        Attacker.REVIEWER,
        prevented(Layer.RULES, "ana is no admin"),
        "Only an admin adds people to a list or takes them off.",
        lambda town: remove_subjects(town.session("ana"), LIST, ["S001"]),
    ),
    Attempt(
        "a stranger makes themselves admin",
        Attacker.ANYBODY,
        prevented(Layer.SERVICES, "only an admin adds users"),
        "The first user of a home needs nobody; everybody after needs an admin.",
        _stranger,
    ),
    Attempt(
        "a suspended person goes on in an open session",
        Attacker.REVIEWER,
        prevented(Layer.RULES, "ben is suspended"),
        "Every operation asks again whether its person may act.",
        _suspended,
    ),
    Attempt(
        "a search goes on after the stop button",
        Attacker.ADMIN,
        prevented(Layer.RULES, "list missing is suspended"),
        "A list that anybody stopped is not searched for the next picture of a search that is under way.",
        _stop_button,
    ),
    Attempt(
        "an auditor reads names",
        Attacker.AUDITOR,
        prevented(Layer.SERVICES, "without the name"),
        "Auditors hold no key to names: they see that two reviewers agree, not on whom.",
        _auditor,
    ),
    Attempt(
        "an auditor opens pictures",
        Attacker.AUDITOR,
        prevented(Layer.SERVICES, "holds no home key"),
        "What is sealed with the home key does not open for somebody who has none.",
        lambda town: town.session("audrey").vault,
    ),
    Attempt(
        "an admin adds reviewers who are themselves",
        Attacker.ADMIN,
        OUT_OF_SCOPE,
        "The program cannot know whether people exist; the log says who added whom, and every one of their judgements.",
        _invented,
    ),
    Attempt(
        "a removed person signs in",
        Attacker.REVIEWER,
        prevented(Layer.RULES, "ben was removed from this home"),
        "Whoever was removed has no wrapped keys any more that a passphrase could open.",
        _removed,
    ),
    Attempt(
        "a recovery code used twice",
        Attacker.RECOVERER,
        prevented(Layer.SEAL, "recovery code does not open this home"),
        "A recovery code makes one admin and is used up; the next one is printed then.",
        _recovers_again,
    ),
    Attempt(
        "an admin made with the recovery code",
        Attacker.RECOVERER,
        OUT_OF_SCOPE,
        "That is what the code is for: whoever has it and the files is an admin, and the log says so.",
        lambda town: _recovers(town, "mallory"),
    ),
    Attempt(
        "guessed passphrases",
        Attacker.ANYBODY,
        prevented(Layer.SEAL, "does not open the key of ana"),
        "A passphrase that is almost right opens nothing, and the guess is logged.",
        _passphrases,
    ),
)
