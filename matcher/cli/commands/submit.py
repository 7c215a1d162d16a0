"""`matcher submit`: search an active list."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from matcher.cli.common import Call, leaf

if TYPE_CHECKING:
    from matcher.services.submit import Submission


@click.command("submit")
@click.argument("watchlist")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--case", "case_reference", required=True, help="The case this search belongs to; logged.")
@click.option("--reason", required=True, help="Why these faces are searched; logged.")
@click.option(
    "--pick",
    type=click.Choice(["every", "largest"]),
    default="every",
    show_default=True,
    help="Which faces of a picture are searched.",
)
@leaf
def command(call: Call, watchlist: str, images: tuple[Path, ...], case_reference: str, **given: str) -> None:
    """Search an active list for the faces of photographs. Says how many alerts were queued for review, never who.

    A face without a candidate leaves nothing but a log entry.

    Example: `matcher submit missing probe.jpg --case 2026/114 --reason "seen at the station" --user boss`
    """
    from matcher.cli.advice import ADVICE
    from matcher.services.submit import Errand, submit
    from matcher.services.words import no_candidate
    from matcher.vision.files import read_picture_file

    missing = [path for path in images if not os.path.lexists(path)]  # Path.exists raises for a name that is too long
    if missing:
        from matcher.errors import BadInput

        raise BadInput(f"no such file: {missing[0]} (nothing was searched)")
    errand = Errand(case_reference, given["reason"], largest=given["pick"] == "largest")
    session = call.session
    sources = [(path, read_picture_file) for path in images]
    done = []
    with call.output.progress("searching") as progress:
        for number, one in enumerate(
            submit(session, watchlist, sources, errand, lambda: call.program.pipeline(call.output)), start=1
        ):
            done.append(one)
            progress(number, len(images))
    if not any(one.searched for one in done):
        from matcher.errors import BadInput

        bad = [bad for one in done for bad in one.rejected]
        reasons = sorted({one.reason.value for one in bad})
        why = f"{reasons[0]} {bad[0].detail}".strip() if len(bad) == 1 else ", ".join(reasons)
        pictures = "the picture" if len(done) == 1 else f"{len(done)} pictures"
        advice = f" {ADVICE[bad[0].reason].capitalize()}." if len(reasons) == 1 else ""
        raise BadInput(f"no usable face in {pictures} ({why}): nothing was searched.{advice}")
    nothing = no_candidate(call.program.place, watchlist)
    value = {
        "watchlist": watchlist,
        "alerts": sum(one.alerts for one in done),
        "searched": sum(one.searched for one in done),
        "no_candidate": sum(one.searched - one.alerts for one in done),
        "pictures": [
            {
                "image": one.name,
                "searched": one.searched,
                "alerts": one.alerts,
                "left_out": one.left_out,
                "rejected": [{"reason": bad.reason.value, "detail": bad.detail} for bad in one.rejected],
                "work": None if one.work is None else asdict(one.work),
            }
            for one in done
        ],
        "no_candidate_means": nothing,
    }
    call.output.result(value, _shown(done, nothing))


def _shown(done: "Sequence[Submission]", nothing: str) -> str:
    from matcher.review.safe_text import safe_display

    lines = []
    for one in done:
        if one.alerts:
            lines.append(
                f"{safe_display(one.name)}: {one.alerts} alert{'s' if one.alerts > 1 else ''} queued for review"
            )
        if one.searched > one.alerts:
            lines.append(f"{safe_display(one.name)}: {nothing}")
        if one.left_out:
            lines.append(f"{safe_display(one.name)}: {one.left_out} smaller faces were not searched (--pick largest)")
        lines += [
            f"{safe_display(one.name)}: not searched, {bad.reason.value} {bad.detail}".rstrip() for bad in one.rejected
        ]
    return "\n".join(lines)
