"""`matcher doctor`: what this installation runs on."""

import rich_click as click

from matcher.cli.common import Call, leaf


@click.command("doctor")
@click.option("--bypass", is_flag=True, help="Try to get past every safeguard, in a home made for it.")
@leaf
def command(call: Call, bypass: bool) -> None:
    """Show versions, the kernel path, models, the home and where each setting came from.

    --bypass tries what docs/threat-model.md lists instead, for real and in about half a minute: a home of its own is
    made in the folder for temporary files, each attempt gets a copy of it, and all of it is removed; your home is not
    opened. Exit code 6: an attempt did not end as that table says.

    Example: `matcher doctor`
    """
    if bypass:
        return _try_to_bypass(call)
    return _facts(call)


def _try_to_bypass(call: Call) -> None:
    import time

    from click.exceptions import Exit

    from matcher.bypass.run import run
    from matcher.bypass.table import FAMILIES
    from matcher.cli.bypass_output import print_bypass
    from matcher.cli.exit_codes import ExitCode

    started = time.monotonic()
    with call.output.progress("trying to get past the safeguards", "attempts") as progress:
        done = run(FAMILIES, progress)
    print_bypass(call.output, done, time.monotonic() - started)
    if not all(one.as_promised for one in done):
        raise Exit(ExitCode.INTEGRITY)


def _facts(call: Call) -> None:
    import os
    import platform

    from matcher import __version__
    from matcher.domain.provider import provider_from
    from matcher.errors import MatcherError
    from matcher.kernels import choice
    from matcher.models.catalogue import chosen
    from matcher.models.record import installed

    settings = call.settings
    facts: dict[str, object] = {
        "matcher": __version__,
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "kernels": f"{choice.chosen().path} ({choice.chosen().reason}); here: {', '.join(choice.available())}",
        "home": str(settings.home),
        "models": str(settings.models),
        "settings_from": dict(settings.origins),
    }
    for kind in ("detector", "embedder"):
        model_id = settings.detector if kind == "detector" else settings.embedder
        try:
            manifest = chosen("detector" if kind == "detector" else "embedder", model_id, settings.models)
            present = installed(manifest, settings.models) is not None
        except MatcherError as error:
            facts[kind] = str(error)
            continue
        facts[kind] = (
            f"{manifest.id}, {'installed' if present else f'not installed (matcher model install {manifest.id})'}"
        )
    try:
        facts["provider"] = provider_from(settings.provider).words
    except MatcherError as error:
        facts["provider"] = str(error)
    try:
        with call.program.place.work(write=False) as work:
            facts["home_state"] = f"opens, {work.log.head().sequence} log entries"
        facts["database"] = call.program.database()
        facts["demo"] = call.program.demo
    except MatcherError as error:
        facts["home_state"] = str(error)
    width = max(len(key) for key in facts)
    call.output.result(facts, "\n".join(f"{key.replace('_', ' '):<{width}}  {value}" for key, value in facts.items()))
