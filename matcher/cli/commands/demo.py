"""`matcher demo`: the whole job on synthetic people, then the terminal interface."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import rich_click as click

from matcher.cli.common import Call, leaf
from matcher.errors import Refused

_RECORD = "demo.json"


@click.command("demo")
@click.option("--no-tui", is_flag=True, help="Stop after the summary.")
@leaf
def command(call: Call, no_tui: bool) -> None:
    """The whole job on the shipped synthetic people: load, test, refuse, certify, activate, search, review.

    Run it again to go on reviewing in the same demo home, and to see the truth of what both reviewers have judged.

    Example: `matcher demo --no-tui`
    """
    from matcher.cli.demo_story import LIST, LOADER, PASSPHRASE, REVIEWERS, demo_folder
    from matcher.cli.demo_truth import standing_now, truth_lines
    from matcher.services.workplace import sign_in

    with ExitStack() as stack:
        folder = demo_folder(stack)
        call = _at_home(call)
        stack.enter_context(_alone(call.settings.home))
        facts = _story(call, folder) | {"home": str(call.settings.home)}
        session = sign_in(call.program.place, LOADER, PASSPHRASE)
        facts |= standing_now(session, LIST)
        if not (no_tui or call.output.as_json) and sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty():
            from matcher.cli.commands.review import run_review

            call.output.say(_summary(facts))
            click.pause(f"Press any key to review as {REVIEWERS[0]}, passphrase {PASSPHRASE} ...", err=True)
            run_review(call, REVIEWERS[0])
        facts |= standing_now(session, LIST)
        truth = truth_lines(session, folder, LIST)
        call.output.result(facts, "\n".join([_summary(facts), *truth, "", _next_steps(facts)]))


def _at_home(call: Call) -> Call:
    """The same call in the demo's own home: never the home that real lists live in, unless it was named."""
    from matcher.config import load_settings

    settings = load_settings(home=call.home)
    if dict(settings.origins)["home"] == "default":
        return replace(call, home=str(settings.home.parent / "demo-home"))
    return replace(call, home=str(settings.home))


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One demo at a time in a home: a second one would take the first's home for an interrupted one."""
    import fcntl

    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / f".{home.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"another demo is running in {home}: wait for it, or give --home DIR") from None
        yield


def _story(call: Call, folder: Any) -> dict[str, Any]:
    """The facts of a demo that was told here before, or of one told now."""
    from matcher.bootstrap import create_program, open_program
    from matcher.cli.demo_story import Story
    from matcher.store.home import MARKER, open_home

    if (call.settings.home / MARKER).exists():
        home = open_home(call.settings.home)
        if not home.demo:
            raise Refused(f"{home.path} is a real home: the demo needs one of its own (--home DIR)")
        told = home.read_file(_RECORD)
        if told is not None:
            call.output.say(f"going on with the demo in {home.path}")
            facts: dict[str, Any] = json.loads(told)
            return facts
        _remove(home.path)
        call.output.say(f"starting anew in {home.path}: an earlier demo there was interrupted")
    create_program(call.settings, demo=True, tell=lambda _: None)  # everybody's passphrase is published
    program = open_program(call.settings)
    story = Story(program, call.output, folder)
    story.run()
    program.finish()
    open_home(call.settings.home).write_file(_RECORD, json.dumps(story.facts).encode())
    return story.facts


def _remove(home: Any) -> None:
    """Removes a demo home that never finished: nobody has judged anything in it."""
    import shutil

    shutil.rmtree(home)


def _summary(facts: dict[str, Any]) -> str:
    published, groups = facts["at_published_threshold"], facts["groups"]
    misses = [
        f"    {'; '.join(f'{column} {label}' for column, label in one['key'].items()) or 'everyone'}: "
        f"{one['fnir']['k']} of {one['fnir']['n']} missed; {one['fpir']['k']} of {one['fpir']['n']} falsely flagged"
        for one in groups
        if one["fnir"] is not None
    ]
    return "\n".join(
        [
            "GENERATED FACES: says nothing about real people.",
            f"  before testing: {facts['refused_before']['message']}",
            f"  shipped policy: {facts['default_sentence']}",
            f"  demo policy:    {facts['sentence']}",
            f"  at the model's published 1:1 threshold 0.363 this search would flag {published['k']} of "
            f"{published['n']} unlisted people; certified is {facts['threshold']:.4f}",
            "  the price, by group:",
            *misses,
            f"  {facts['probes']} probe pictures, {len(facts['rejected'])} of them rejected; "
            f"{facts['alerts'] + facts['no_candidate']} faces searched: {facts['alerts']} alerts, "
            f"{facts['no_candidate']} without a candidate",
            f"  {facts['waiting']} alerts wait for reviewers ({facts['waiting_for_a_third']} for a third one); "
            f"{facts['confirmed']} confirmed by two reviewers",
            f"  {facts['seconds']} s, at most {facts['peak_rss_mb']} MB: "
            + ", ".join(f"{one['phase']} {one['seconds']} s" for one in facts["phases"]),
        ]
    )


def _next_steps(facts: dict[str, Any]) -> str:
    from matcher.cli.demo_story import PASSPHRASE, REVIEWERS

    return "\n".join(
        [
            f"DEMO home {facts['home']}; everybody's passphrase is {PASSPHRASE}. Next:",
            f"  matcher review --home {facts['home']} --user {REVIEWERS[0]}   (then {REVIEWERS[1]}: two people judge)",
            f"  matcher outcomes --home {facts['home']} --user {REVIEWERS[0]}",
            f"  matcher demo --home {facts['home']}   (the truth, once both have judged)",
        ]
    )
