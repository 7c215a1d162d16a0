"""Environment, configuration, policy and flags: nothing that somebody may set asks less of anybody."""

from matcher.bypass.attempt import Answer, Attacker, Attempt, Layer, Verdict, detected, prevented, withstood
from matcher.bypass.town import LIST, PLANTED, Town
from matcher.config import load_settings
from matcher.domain.policy import parse_policy

_WISHES = {
    f"MATCHER_{name}": value
    for name, value in (
        ("THRESHOLD", "0"),
        ("ALPHA", "1"),
        ("REVIEWERS_REQUIRED", "1"),
        ("SKIP_REVIEW", "1"),
        ("AUTO_CONFIRM", "1"),
        ("SHOW_NAMES", "1"),
        ("NO_CERTIFICATE", "1"),
        ("POLICY", "/dev/null"),
        ("DEBUG", "1"),
    )
}
_FLAGS = (
    ("submit", LIST, "x.jpg", "--case", "x", "--reason", "y", "--threshold", "0"),
    ("submit", LIST, "x.jpg", "--case", "x", "--reason", "y", "--top", "5"),
    ("review", "--auto-confirm"),
    ("outcomes", "--all-names"),
    ("watchlist", "activate", LIST, "--yes"),
)
_USAGE, _INTEGRITY = 2, 6


def _environment(town: Town) -> Answer | None:
    plain, wished = (town.command("watchlist", "show", LIST, "--json", **some) for some in ({}, _WISHES))
    names = town.command("outcomes", "--json", **_WISHES)
    if plain.code or names.code or wished.said != plain.said or PLANTED in names.said:
        return None
    return withstood(Layer.CONFIGURATION, "nothing changed: no such variable is read")


def _asserts_off(town: Town) -> Answer:
    with town.rules_off():
        town.sql("UPDATE log SET actor = 'ben' WHERE sequence = 3")
    done = town.command("audit", "verify", PYTHONOPTIMIZE="2")
    found = Verdict.DETECTED if done.code == _INTEGRITY else Verdict.SUCCEEDED
    return Answer(found, Layer.LOG, done.complaint)


def _account(town: Town) -> Answer | None:
    names = ("LOGNAME", "USER", "USERNAME", "LNAME", "SUDO_USER")
    surroundings = dict.fromkeys(names, "mallory") | {"MATCHER_PASSPHRASE": "not the one"}
    done = town.command("outcomes", user="ana", **surroundings)
    logged = [account for (account,) in town.rows("SELECT account FROM log WHERE action = 'refused'")]
    if not done.code or len(logged) != 1 or "mallory" in logged:
        return None
    return withstood(Layer.COMMANDS, "the account that the kernel knows is logged")


def _configuration(town: Town) -> None:
    file = town.folder / "config.toml"
    file.write_text('reviewers_required = "1"\n')
    load_settings({"MATCHER_CONFIG": str(file)})


def _flags(town: Town) -> Answer | None:
    done = [town.command(*words) for words in _FLAGS]
    if any(one.code != _USAGE or "No such option" not in one.said for one in done):
        return None
    return withstood(Layer.COMMANDS, "No such option")


def _pipe(town: Town) -> Answer | None:
    done = town.command("review", "--plain", user="ben")
    return withstood(Layer.COMMANDS, done.complaint) if done.code == _USAGE else None


ATTEMPTS = (
    Attempt(
        "environment variables that ask for less",
        Attacker.ANYBODY,
        prevented(Layer.CONFIGURATION, "no such variable"),
        "Nine variables that would lower a threshold, skip a review or show names are read by nobody.",
        _environment,
    ),
    Attempt(
        "checks switched off with Python's own switch",
        Attacker.ANYBODY,
        detected(Layer.LOG, "the log is broken at entry 3"),
        "Python without its assertions finds an edited log as well: no check is an assertion.",
        _asserts_off,
    ),
    Attempt(
        "another account's name in the environment",
        Attacker.ANYBODY,
        prevented(Layer.COMMANDS, "the kernel knows"),
        "The log names the account that the kernel knows, whatever LOGNAME and USER say.",
        _account,
    ),
    Attempt(
        "a configuration key that asks for less",
        Attacker.ANYBODY,
        prevented(Layer.CONFIGURATION, "reviewers_required is not one of"),
        "No setting weakens a safeguard: there is none to name, and an unknown key is an error.",
        _configuration,
    ),
    Attempt(
        "a policy of one reviewer",
        Attacker.ADMIN,
        prevented(Layer.CONFIGURATION, "review.reviewers_required"),
        "A policy needs at least two reviewers.",
        lambda _: parse_policy("[review]\nreviewers_required = 1\n"),
    ),
    Attempt(
        "a policy without blind review",
        Attacker.ADMIN,
        prevented(Layer.CONFIGURATION, "review.reveal"),
        "Scores are shown after the blind judgement; a policy can say nothing else.",
        lambda _: parse_policy('[review]\nreveal = "at-once"\n'),
    ),
    Attempt(
        "a policy that allows one false alarm in five",
        Attacker.ADMIN,
        prevented(Layer.CONFIGURATION, "no tier allows more than 0.05"),
        "No tier is looser than 5 % per search and group.",
        lambda _: parse_policy("[certification]\nalpha = 0.2\n"),
    ),
    Attempt(
        "a policy key that confirms by itself",
        Attacker.ADMIN,
        prevented(Layer.CONFIGURATION, "review.auto_confirm: unknown key"),
        "A policy with a key that nobody knows is refused, not read past.",
        lambda _: parse_policy("[review]\nauto_confirm = true\n"),
    ),
    Attempt(
        "flags that skip a safeguard",
        Attacker.ANYBODY,
        prevented(Layer.COMMANDS, "No such option"),
        "A threshold or rank for a search, confirming by itself, everybody's names, yes to a signature: no such flag.",
        _flags,
    ),
    Attempt(
        "a script that reviews",
        Attacker.REVIEWER,
        prevented(Layer.COMMANDS, "needs a terminal"),
        "Reviewing needs a terminal: answers from a pipe are not taken.",
        _pipe,
    ),
)
