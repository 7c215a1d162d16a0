"""`matcher doctor`: what this installation runs on."""

import rich_click as click

from matcher.cli.common import Call, leaf


@click.command("doctor")
@leaf
def command(call: Call) -> None:
    """Show versions, the kernel path, models, the home and where each setting came from.

    Example: `matcher doctor`
    """
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
