"""What `matcher doctor --bypass` says of every attempt, and of all of them."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from matcher.bypass.attempt import Tried, Verdict
from matcher.cli.output import Output

_WIDE = max(len(one) for one in Verdict)


def bypass_facts(done: Sequence[Tried], seconds: float) -> dict[str, Any]:
    """The facts of `--json`."""
    counts = Counter(one.answer.verdict for one in done)
    return {
        "attempts": [_facts(one) for one in done],
        "summary": {verdict.value: counts[verdict] for verdict in Verdict},
        "as_promised": all(one.as_promised for one in done),
        "seconds": round(seconds, 1),
    }


def print_bypass(output: Output, done: Sequence[Tried], seconds: float) -> None:
    """Every attempt by family, what was not as promised again at the end, and the counts."""
    facts = bypass_facts(done, seconds)
    lines = ["Tried in a home made for it, which is gone again; yours was not opened.", ""]
    for family, some in groupby(done, lambda one: one.family):
        lines += [family[0].upper() + family[1:], *(line for one in some for line in _lines(one)), ""]
    broken = [line for one in done if not one.as_promised for line in _broken(one)]
    counts = ", ".join(f"{n} {verdict}" for verdict, n in facts["summary"].items() if n)
    verdict = "every attempt ended as docs/threat-model.md says" if not broken else "NOT AS PROMISED:"
    output.result(facts, "\n".join([*lines, f"{len(done)} attempts: {counts}; {verdict}", *broken]))


def _facts(one: Tried) -> dict[str, Any]:
    attempt = one.attempt
    return {
        "family": one.family,
        "attempt": attempt.name,
        "attacker": attempt.attacker.value,
        "promised": attempt.promise.verdict.value,
        "found": one.answer.verdict.value,
        "layer": one.answer.layer.value,
        "answer": one.answer.words,
        "sentence": attempt.sentence,
        "as_promised": one.as_promised,
        "seconds": round(one.seconds, 3),
    }


def _lines(one: Tried) -> tuple[str, str]:
    found = f"  {one.answer.verdict:<{_WIDE}}  {one.attempt.name} ({one.answer.layer})"
    return found, f"  {'':<{_WIDE}}  {one.attempt.sentence}"


def _broken(one: Tried) -> tuple[str, str]:
    promise, answer = one.attempt.promise, one.answer
    return (
        f"  {one.attempt.name}: promised {promise.verdict} ({promise.layer}), found {answer.verdict} ({answer.layer})",
        f"    answer: {answer.words}",
    )
