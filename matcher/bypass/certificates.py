"""Certificates forged, changed, replayed and kept too long; searches with something else than was signed."""

from dataclasses import replace
from datetime import timedelta

from matcher.bypass.attempt import Attacker, Attempt, Layer, prevented
from matcher.bypass.town import LIST, MODEL, OTHER, Town, VectorPipeline, calibrate
from matcher.domain.certificate import Certificate
from matcher.services.activate import prepare, prepare_renewal, renew
from matcher.services.collections import find_list, suspend_list
from matcher.services.search import OpenedList, open_list, search

_ALIEN = replace(MODEL, embedder="other@1")


def _signed(town: Town) -> Certificate:
    return open_list(town.session("boss"), LIST).certificate


def _forged(town: Town) -> Certificate:
    """Eve's signature, said to be vera's."""
    signed = _signed(town)
    return Certificate(signed.terms, town.session("eve").who.sign(signed.terms.signed_bytes()), signed.approver_key)


def _of_a_loader(town: Town) -> Certificate:
    terms = replace(_signed(town).terms, approver="eve")
    eve = town.session("eve")
    return Certificate(terms, eve.who.sign(terms.signed_bytes()), eve.user.public_key)


def _lowered(town: Town) -> Certificate:
    signed = _signed(town)
    binding = replace(signed.terms.binding, threshold=0)
    return Certificate(replace(signed.terms, binding=binding), signed.signature, signed.approver_key)


def _prolonged(town: Town) -> Certificate:
    signed = _signed(town)
    return Certificate(
        replace(signed.terms, lease_until="2999-01-01T00:00:00.000000Z"), signed.signature, signed.approver_key
    )


def _searched(town: Town, certificate: Certificate, opened: OpenedList) -> object:
    return search(certificate, opened, town.templates[:1], MODEL, town.clock.now)


def _for_another_list(town: Town) -> object:
    """The certificate of `missing`, shown with what `other` holds."""
    session = town.session("boss")
    opened = open_list(session, LIST)
    with session.place.work(write=False) as work:
        other = find_list(work, OTHER).latest
    if other is None:
        return None
    screen, rows = session.place.revisions.screen(session.vault, other)
    index = session.place.open_index(screen, rows)
    binding = replace(opened.binding, list_digest=index.revision_digest)
    return _searched(town, opened.certificate, replace(opened, binding=binding, index=index, revision=other))


def _replayed(town: Town) -> object:
    """The certificate from before the threshold was raised."""
    before = _signed(town)
    _raise(town)
    return _searched(town, before, open_list(town.session("boss"), LIST))


def _raise(town: Town) -> None:
    vera = town.session("vera")
    prepared = prepare_renewal(vera, LIST, _signed(town).threshold + 10_000)
    renew(vera, prepared, prepared.number, prepared.missed_group)


def _brought_back(town: Town) -> object:
    """After a raise, the report's own lower threshold."""
    _raise(town)
    return prepare(town.session("vera"), LIST)


def _expired(town: Town) -> None:
    town.clock.now += timedelta(hours=25)
    town.submit("boss", 1)


def _kept_open(town: Town) -> object:
    opened = open_list(town.session("boss"), LIST)
    town.clock.now += timedelta(hours=25)
    return _searched(town, opened.certificate, opened)


def _clock_back(town: Town) -> None:
    town.clock.now -= timedelta(hours=1)
    town.submit("boss", 1)


def _clock_back_a_little(town: Town) -> None:
    """Four minutes, once the lease has ended and something was logged since."""
    town.clock.now += timedelta(hours=24, minutes=2)
    suspend_list(town.session("cleo"), OTHER, "wrong pictures")
    town.clock.now -= timedelta(minutes=4)
    town.submit("boss", 1)


def _life_over(town: Town) -> object:
    town.clock.now += timedelta(days=61)
    return prepare_renewal(town.session("vera"), LIST)


def _old_report(town: Town) -> object:
    """A lapsed list on a report that is older than 90 days; the last day of its list is put off for that."""
    with town.rules_off():
        town.sql("UPDATE watchlists SET expires = '2999-01-01'")
    town.clock.now += timedelta(days=91)
    return prepare_renewal(town.session("vera"), LIST)


def _lower(town: Town) -> object:
    calibrate(town, threshold=100_000)
    return prepare(town.session("vera"), LIST)


def _alien_probe(town: Town) -> object:
    opened = open_list(town.session("boss"), LIST)
    return search(opened.certificate, opened, town.templates[:1], _ALIEN, town.clock.now)


ATTEMPTS = (
    Attempt(
        "a certificate signed by somebody else",
        Attacker.ADMIN,
        prevented(Layer.SIGNATURES, "signature of a certificate does not verify"),
        "A certificate exists only with its approver's own Ed25519 signature over its terms.",
        _forged,
    ),
    Attempt(
        "a certificate that a loader signed",
        Attacker.ADMIN,
        prevented(Layer.SIGNATURES, "nobody who loaded a part"),
        "A certificate of one of the loaders cannot be built, whatever the signature.",
        _of_a_loader,
    ),
    Attempt(
        "a threshold lowered in signed terms",
        Attacker.ADMIN,
        prevented(Layer.SIGNATURES, "does not verify"),
        "The threshold is part of what was signed.",
        _lowered,
    ),
    Attempt(
        "a lease prolonged in signed terms",
        Attacker.ADMIN,
        prevented(Layer.SIGNATURES, "does not verify"),
        "The end of the lease is part of what was signed.",
        _prolonged,
    ),
    Attempt(
        "a certificate shown for another list",
        Attacker.ADMIN,
        prevented(Layer.SIGNATURES, "signed for another list digest"),
        "A search compares every digest in its certificate with what was loaded.",
        _for_another_list,
    ),
    Attempt(
        "a certificate replayed after the threshold was raised",
        Attacker.ADMIN,
        prevented(Layer.SIGNATURES, "signed for another threshold"),
        "The certificate from before is for another threshold than the one that serves.",
        _replayed,
    ),
    Attempt(
        "the lower threshold brought back after a raise",
        Attacker.APPROVER,
        prevented(Layer.SERVICES, "was raised to"),
        "Once raised, a threshold comes down only by a new test.",
        _brought_back,
    ),
    Attempt(
        "a raise to a lower threshold",
        Attacker.APPROVER,
        prevented(Layer.SERVICES, "can only raise the threshold"),
        "Without a new test a threshold only rises.",
        lambda town: prepare_renewal(town.session("vera"), LIST, _signed(town).threshold - 10_000),
    ),
    Attempt(
        "a threshold asked for at which the list errs too often",
        Attacker.ADMIN,
        prevented(Layer.CERTIFIED, "the report does not certify the list. REFUTED"),
        "A test at a threshold of one's choice says what it finds, and what it refutes cannot be signed.",
        _lower,
    ),
    Attempt(
        "a list that nobody tested",
        Attacker.ADMIN,
        prevented(Layer.RULES, "list other is enrolled"),
        "Only an active list is opened for a search.",
        lambda town: open_list(town.session("boss"), OTHER),
    ),
    Attempt(
        "a certificate after its end",
        Attacker.ADMIN,
        prevented(Layer.RULES, "list missing is lapsed"),
        "A search stops with the lease; an approver signs again.",
        _expired,
    ),
    Attempt(
        "an opened list kept beyond its certificate",
        Attacker.ADMIN,
        prevented(Layer.SIGNATURES, "the activation has lapsed"),
        "The certificate is asked at every search, not when the list was opened.",
        _kept_open,
    ),
    Attempt(
        "the clock set back",
        Attacker.MACHINE,
        prevented(Layer.SERVICES, "the clock went back"),
        "A clock more than five minutes before the newest log entry suspends the list.",
        _clock_back,
    ),
    Attempt(
        "the clock set back by minutes, for a lease that has ended",
        Attacker.MACHINE,
        prevented(Layer.RULES, "list missing is lapsed"),
        "A lease is measured by the log where the clock is behind it.",
        _clock_back_a_little,
    ),
    Attempt(
        "a list renewed after its last day",
        Attacker.APPROVER,
        prevented(Layer.RULES, "list missing is expired"),
        "A list whose last day is over serves no more, whoever signs.",
        _life_over,
    ),
    Attempt(
        "a report of a quarter ago signed again",
        Attacker.APPROVER,
        prevented(Layer.SERVICES, "older than 90 days"),
        "Renewing takes a report that is younger than 90 days.",
        _old_report,
    ),
    Attempt(
        "photographs seen by another model",
        Attacker.ADMIN,
        prevented(Layer.SERVICES, "templates of another model"),
        "A list is searched with the model that made its templates, and with no other.",
        lambda town: town.submit("boss", 1, VectorPipeline(_ALIEN)),
    ),
    Attempt(
        "templates of another model given to the search itself",
        Attacker.ADMIN,
        prevented(Layer.SIGNATURES, "signed for another model"),
        "The model is part of what was signed, and the search is told which one made the probe.",
        _alien_probe,
    ),
)
