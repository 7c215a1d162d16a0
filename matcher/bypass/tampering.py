"""Somebody who writes to the database file: with its rules taken away, or by what no rule can know."""

import hashlib
import json
from contextlib import suppress
from dataclasses import replace

from matcher.bypass.attempt import OUT_OF_SCOPE, Attacker, Attempt, Layer, detected
from matcher.bypass.town import LIST, Town
from matcher.domain.certificate import Certificate, CertificateTerms
from matcher.domain.events import LogEntry
from matcher.domain.ids import utc_time
from matcher.errors import WrongPassphrase
from matcher.services.activate import prepare, prepare_renewal, renew
from matcher.services.search import open_list
from matcher.services.workplace import sign_in
from matcher.store.engine import DATABASE
from matcher.store.log import canonical_json, entry_hash

_LEAD = (
    "INSERT INTO leads SELECT alert_id, candidate_id, submitted_at FROM candidates JOIN alerts USING (alert_id) LIMIT 1"
)


def _rule_dropped(town: Town) -> None:
    town.sql("DROP TRIGGER leads_need_two_people", _LEAD)


def _lead(town: Town) -> None:
    with town.rules_off():
        town.sql(_LEAD)


def _entry_edited(town: Town) -> None:
    with town.rules_off():
        town.sql("UPDATE log SET actor = 'ben' WHERE sequence = 3")


def _tail_cut(town: Town) -> None:
    """The last entries and the head moved back to the one before: a whole chain, only shorter."""
    with town.rules_off():
        town.sql(
            "DELETE FROM log WHERE sequence > (SELECT MAX(sequence) - 3 FROM log)",
            "UPDATE log_head SET (sequence, time, hash) = "
            "(SELECT sequence, time, hash FROM log ORDER BY sequence DESC LIMIT 1)",
        )


def _entry_invented(town: Town) -> None:
    """A search that never was, with the hashes that such an entry has."""
    entry = _entries(town)[-1]
    searched = next(one for one in reversed(_entries(town)) if one.action == "list.searched")
    made = replace(searched, sequence=entry.sequence + 1, time=entry.time, previous=entry.hash)
    _write(town, [replace(made, hash=entry_hash(made))])


def _rewritten(town: Town) -> None:
    """Another account in an entry that no table repeats, and every hash after it made anew."""
    entries, last, made = _entries(town), "0" * 64, []
    for entry in entries:
        account = "account of ben" if entry.action == "list.calibrated" else entry.account
        changed = replace(entry, account=account, previous=last)
        made.append(replace(changed, hash=entry_hash(changed)))
        last = made[-1].hash
    with town.rules_off():
        town.sql("DELETE FROM log", "UPDATE log_head SET sequence = 0, hash = '" + "0" * 64 + "'")
    _write(town, made)


def _entries(town: Town) -> list[LogEntry]:
    rows = town.rows("SELECT * FROM log ORDER BY sequence")
    return [LogEntry(number, utc_time(time), *rest) for number, time, *rest in rows]


def _write(town: Town, entries: list[LogEntry]) -> None:
    """Entries as the program writes them: no rule of the database is against it."""
    for one in entries:
        time = one.time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        values = [one.sequence, time, one.actor, one.account, one.terminal, one.action, one.details]
        written = ", ".join(_quoted(value) for value in [*values, one.previous, one.hash])
        town.sql(
            f"INSERT INTO log VALUES ({written})",  # noqa: S608 -- quoted above
            f"UPDATE log_head SET sequence = {one.sequence}, time = '{time}', hash = '{one.hash}'",  # noqa: S608
        )


def _quoted(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'" if isinstance(value, str) else str(value)


def _second_reviewer(town: Town) -> object:
    """Ben's judgement made of ana's, and the alert concluded with it."""
    alert = town.alerts()[0]
    town.sql(
        "INSERT INTO progress SELECT alert_id, 'ben', 2, 'account of ben', '', candidate_order, claimed_until, "  # noqa: S608
        f"NULL, NULL, NULL, NULL FROM progress WHERE alert_id = '{alert}'",
        "INSERT INTO judgements SELECT alert_id, 2, candidate_id, 'ben', 'account of ben', '', made_at, verdict, "  # noqa: S608
        f"checklist, mode, face_pixels, milliseconds, signature FROM judgements WHERE alert_id = '{alert}'",
        "UPDATE progress SET disclosed_at = claimed_until, finished_at = claimed_until, finish_number = 2 "
        "WHERE reviewer = 'ben'",
        f"UPDATE alerts SET concluded_at = submitted_at, rejected = 0 WHERE alert_id = '{alert}'",  # noqa: S608
    )
    return town.names()


def _words_removed(town: Town) -> None:
    with town.rules_off():
        town.sql("DELETE FROM judgements", "DELETE FROM progress")


def _role(town: Town) -> object:
    with town.rules_off():
        town.sql("INSERT INTO user_roles VALUES ('ana', 'approver')")
    return prepare(town.session("ana"), LIST)


def _keys_swapped(town: Town) -> object:
    """Whoever knows ana's passphrase would be vera."""
    town.sql("UPDATE users SET keys = (SELECT keys FROM users WHERE name = 'ana') WHERE name = 'vera'")
    return town.session("vera")


def _own_certificate(town: Town, terms: CertificateTerms) -> None:
    """Vera's key exchanged for one of the attacker's, terms of their choice signed with it, and a search."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    forged = Certificate(terms, key.sign(terms.signed_bytes()), public)
    with town.rules_off():
        town.sql(
            f"UPDATE users SET public_key = x'{public.hex()}' WHERE name = 'vera'",  # noqa: S608
            f"UPDATE certificates SET digest = '{forged.digest()}', approver_key = x'{public.hex()}', "  # noqa: S608
            f"report_digest = '{terms.binding.report_digest}', terms = {_quoted(canonical_json(terms.facts()))}, "
            f"signature = x'{forged.signature.hex()}'",
            f"UPDATE watchlists SET certificate_digest = '{forged.digest()}' WHERE name = '{LIST}'",  # noqa: S608
        )
    town.submit("boss", 1)


def _terms(town: Town) -> CertificateTerms:
    return open_list(town.session("boss"), LIST).certificate.terms


def _longer_lease(town: Town) -> None:
    _own_certificate(town, replace(_terms(town), lease_until="2999-01-01T00:00:00.000000Z"))


def _lower_threshold(town: Town) -> None:
    terms = _terms(town)
    _own_certificate(town, replace(terms, binding=replace(terms.binding, threshold=0)))


def _older_certificate(town: Town) -> None:
    """The certificate from before a raise, made to serve again."""
    before = open_list(town.session("boss"), LIST).certificate
    vera = town.session("vera")
    prepared = prepare_renewal(vera, LIST, before.threshold + 10_000)
    renew(vera, prepared, prepared.number, prepared.missed_group)
    town.sql(f"UPDATE watchlists SET certificate_digest = '{before.digest()}' WHERE name = '{LIST}'")  # noqa: S608
    town.submit("boss", 1)


def _edited_report(town: Town) -> bytes:
    """A lower certified threshold in the report itself."""
    body = json.loads(bytes(town.rows("SELECT body FROM reports")[0][0]))
    body["threshold"]["tau"] -= 100_000
    return canonical_json(body).encode()


def _report_edited(town: Town) -> None:
    with town.rules_off():
        town.sql(f"UPDATE reports SET body = x'{_edited_report(town).hex()}'")  # noqa: S608
    town.submit("boss", 1)


def _report_and_certificate(town: Town) -> None:
    terms, report = _terms(town), _edited_report(town)
    digest = hashlib.sha256(report).hexdigest()
    threshold = json.loads(report)["threshold"]["tau"]
    with town.rules_off():
        town.sql(
            f"UPDATE reports SET digest = '{digest}', body = x'{report.hex()}'",  # noqa: S608
            f"UPDATE watchlists SET latest_report = '{digest}' WHERE latest_report IS NOT NULL",  # noqa: S608
        )
    binding = replace(terms.binding, report_digest=digest, threshold=threshold)
    _own_certificate(town, replace(terms, binding=binding))


def _threshold_of_alert(town: Town) -> None:
    with town.rules_off():
        town.sql("UPDATE alerts SET threshold = 0", "UPDATE candidates SET score = 999999")


def _refusals_forgotten(town: Town) -> None:
    for _ in range(2):
        with suppress(WrongPassphrase):
            sign_in(town.session("boss").place, "ana", "not the one")
    with town.rules_off():
        town.sql("DELETE FROM refusals")


def _restored(town: Town) -> object:
    """The database of an hour ago put back, after a search that nobody shall know of."""
    kept = (town.home / DATABASE).read_bytes()
    town.submit("boss", 1)
    town.overwrite(town.home / DATABASE, kept)
    return town.alerts()


ATTEMPTS = (
    Attempt(
        "a rule of the database dropped",
        Attacker.DISK,
        detected(Layer.LOG, "a rule of the database was removed or changed"),
        "Whoever takes a rule away can write what it forbade; the missing rule is named.",
        _rule_dropped,
    ),
    Attempt(
        "a lead written with the rules away and back again",
        Attacker.DISK,
        detected(Layer.LOG, "the leads: the tables say something else"),
        "The tables are compared with the log, which knows of no such lead.",
        _lead,
    ),
    Attempt(
        "a log entry edited with the rules away and back again",
        Attacker.DISK,
        detected(Layer.LOG, "the log is broken at entry 3"),
        "Every entry holds the hash of the one before.",
        _entry_edited,
    ),
    Attempt(
        "the end of the log cut off",
        Attacker.DISK,
        detected(Layer.LOG, "the tables say something else than the log"),
        "A shorter log is whole by itself, but the tables know of what it has lost.",
        _tail_cut,
    ),
    Attempt(
        "a log entry invented",
        Attacker.DISK,
        detected(Layer.LOG, "the tables say something else than the log"),
        "An entry with good hashes about something that never happened is found by what it says.",
        _entry_invented,
    ),
    Attempt(
        "the whole log rewritten in what no table repeats",
        Attacker.MACHINE,
        OUT_OF_SCOPE,
        "Whoever holds the machine can make every hash anew; without a log head kept elsewhere nobody can tell.",
        _rewritten,
    ),
    Attempt(
        "an older database put back",
        Attacker.DISK,
        OUT_OF_SCOPE,
        "A home as it once was is whole; only a log head that somebody kept says that there was more.",
        _restored,
    ),
    Attempt(
        "a second reviewer made of the first, by SQL",
        Attacker.DISK,
        detected(Layer.SIGNATURES, "does not verify"),
        "No name is unsealed for words that their reviewer did not sign.",
        _second_reviewer,
    ),
    Attempt(
        "judgements removed with the rules away and back again",
        Attacker.DISK,
        detected(Layer.LOG, "the judgements of alert"),
        "The log has the digest of everything that was said.",
        _words_removed,
    ),
    Attempt(
        "a role written with the rules away and back again",
        Attacker.DISK,
        detected(Layer.LOG, "the roles of ana"),
        "The log has the roles with which everybody was added.",
        _role,
    ),
    Attempt(
        "one person's wrapped keys in another's place",
        Attacker.DISK,
        detected(Layer.SERVICES, "are another person's"),
        "Opened keys are compared with the public key of whom they are said to be of.",
        _keys_swapped,
    ),
    Attempt(
        "an approver's key exchanged, and a longer lease signed with it",
        Attacker.DISK,
        detected(Layer.LOG, "or tells of it before it was"),
        "The list can be searched under it, but the log knows of no such activation, and of another key.",
        _longer_lease,
    ),
    Attempt(
        "an approver's key exchanged, and a lower threshold signed with it",
        Attacker.DISK,
        detected(Layer.SERVICES, "below the one its report certifies"),
        "The report is recomputed before a search: no signature makes a threshold of it that it does not certify.",
        _lower_threshold,
    ),
    Attempt(
        "the certificate from before a raise made to serve again",
        Attacker.DISK,
        detected(Layer.LOG, "the certificate of list missing"),
        "The log says which certificate serves.",
        _older_certificate,
    ),
    Attempt(
        "the certified threshold lowered in the report",
        Attacker.DISK,
        detected(Layer.STORE, "does not have the digest it is kept under"),
        "A report is kept under the digest of its bytes.",
        _report_edited,
    ),
    Attempt(
        "the certified threshold lowered in the report, and all that rests on it signed anew",
        Attacker.DISK,
        detected(Layer.CERTIFIED, "threshold"),
        "A report is recomputed from its evidence whenever it is used: it certifies what its counts give.",
        _report_and_certificate,
    ),
    Attempt(
        "a search's threshold and scores rewritten",
        Attacker.DISK,
        detected(Layer.LOG, "the content of alert"),
        "The log has a fingerprint of every alert.",
        _threshold_of_alert,
    ),
    Attempt(
        "refused attempts forgotten",
        Attacker.DISK,
        detected(Layer.LOG, "kinds of refusals"),
        "What was refused is counted in a table and told in the log, each held against the other.",
        _refusals_forgotten,
    ),
)
