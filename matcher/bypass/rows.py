"""SQL on the opened database, with its rules in place: it refuses as the services refuse."""

from matcher.bypass.attempt import Attacker, Attempt, Layer, prevented
from matcher.bypass.town import LIST, OTHER, Town

_ALERT = "(SELECT alert_id FROM alerts WHERE submitted_by = '{}')"


def _edit(name: str, words: str, sentence: str, statement: str) -> Attempt:
    """An attempt of one statement."""
    return Attempt(name, Attacker.DISK, prevented(Layer.DATABASE, words), sentence, lambda town: town.sql(statement))


def _copied_certificate(town: Town) -> None:
    town.sql(
        "INSERT INTO certificates SELECT 'copy', other.list_id, other.latest_id, report_digest, approver, "  # noqa: S608 -- names of this town
        f"approver_key, terms, signature FROM certificates, watchlists AS other WHERE other.name = '{OTHER}'"
    )


ATTEMPTS = (
    _edit(
        "a lower threshold of a search, by SQL",
        "what an alert was made with",
        "What an alert was made with stays as it is.",
        "UPDATE alerts SET threshold = 0",
    ),
    _edit(
        "a candidate below the threshold, by SQL",
        "scores at least the threshold",
        "No row of a candidate scores less than its alert's threshold.",
        "INSERT INTO candidates SELECT alert_id, 'c', x'00', -900000, 9 FROM alerts",
    ),
    _edit(
        "a lead of one judgement, by SQL",
        "two different people",
        "A lead needs two people whose newest judgement is *same*.",
        "INSERT INTO leads SELECT alert_id, candidate_id, '2026' FROM candidates JOIN alerts USING (alert_id) "
        "WHERE submitted_by = 'eve'",
    ),
    _edit(
        "a judgement turned, by SQL",
        "judgements: rows are only ever added",
        "What somebody said stays said.",
        "UPDATE judgements SET verdict = 'different'",
    ),
    _edit(
        "the same person twice, by SQL",
        "a step once taken stays taken",
        "Whoever judged an alert is not entered for it again, not by REPLACE either.",
        "REPLACE INTO progress (alert_id, reviewer, claim_number, account, terminal, candidate_order) "  # noqa: S608 -- words of this file
        f"VALUES ({_ALERT.format('eve')}, 'ana', 9, 'a', '', '[]')",
    ),
    _edit(
        "a role taken, by SQL",
        "nobody is given a role later",
        "A person keeps the roles that they were added with.",
        "INSERT INTO user_roles VALUES ('ana', 'approver')",
    ),
    _edit(
        "a key exchanged, by SQL",
        "a name and its key stay together",
        "Nobody's public key becomes another's.",
        "UPDATE users SET public_key = zeroblob(32) WHERE name = 'vera'",
    ),
    _edit(
        "a list that serves without a certificate, by SQL",
        "a list serves only what a certificate was signed for",
        "No row of a list serves without a certificate for exactly that list and revision.",
        f"UPDATE watchlists SET serving_id = latest_id, certificate_digest = 'none' WHERE name = '{OTHER}'",  # noqa: S608 -- a name of this town
    ),
    Attempt(
        "a certificate copied to another list, by SQL",
        Attacker.DISK,
        prevented(Layer.DATABASE, "a row says what its signed terms say"),
        "A certificate's row is for the list of its report and of its signed terms.",
        _copied_certificate,
    ),
    _edit(
        "a policy loosened in its place, by SQL",
        "policies: rows are only ever added",
        "A policy is never changed: another one has another digest, and needs another test.",
        "UPDATE policies SET body = x'7b7d'",
    ),
    _edit(
        "a longer life of a list, by SQL",
        "the terms of a list stay",
        "The last day of a list stays what it was made with.",
        f"UPDATE watchlists SET expires = '2999-01-01' WHERE name = '{LIST}'",  # noqa: S608 -- a name of this town
    ),
    _edit(
        "a log entry edited, by SQL",
        "log: rows are only ever added",
        "The log only grows.",
        "UPDATE log SET actor = 'ben' WHERE sequence = 3",
    ),
    _edit(
        "a log entry removed, by SQL",
        "log: rows are only ever added",
        "The newest entry is not taken off either.",
        "DELETE FROM log WHERE sequence = (SELECT MAX(sequence) FROM log)",
    ),
    _edit(
        "a count of searches reset, by SQL",
        "searches are counted one by one",
        "How often a case was searched only grows.",
        "UPDATE case_searches SET n = 1",
    ),
)
