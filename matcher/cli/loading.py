"""`load` for lists and cohorts: the same options, the same flow."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import rich_click as click

from matcher.cli.advice import ADVICE
from matcher.cli.common import Call
from matcher.cli.output import Output, Progress, local_text, table
from matcher.domain.rejection import NothingUsable, Rejected
from matcher.errors import BadInput, UsageError

if TYPE_CHECKING:
    from matcher.services.load import LoadResult
    from matcher.services.sources import EmbeddingSource, PictureSource, Unfinished
    from matcher.store.manifest_files import Kind

_ONE_RECORD = 32_768  # bytes; a template of 4,096 dimensions takes half of it
Rejects = Sequence[tuple[str, Rejected]]


def load_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of both load commands."""
    for option in (
        click.option(
            "--rejects", type=click.Path(path_type=Path), help="Write what was rejected, and why, to this CSV."
        ),
        click.option("--policy", type=click.Path(path_type=Path), help="A policy file; its quality limits apply."),
        click.option("--model", metavar="ID", help="The model that made the embeddings."),
        click.option("--embeddings", type=click.Path(path_type=Path), help="Load an .npz of templates instead."),
        click.option(
            "--jobs", type=click.IntRange(1, 256), help="Pictures at once; one more than processors unless said."
        ),
        click.option("--restart", is_flag=True, help="Forget what an interrupted load of the same command has done."),
        click.option("--replace", is_flag=True, help="Instead of what it holds, not in addition."),
        click.argument("source", type=click.Path(path_type=Path), required=False),
    ):
        command = option(command)
    return command


def run_load(call: Call, kind: "Kind", name: str, given: dict[str, Any]) -> None:
    """Loads and prints what became of it."""
    from matcher.services.load import load_cohort, load_list

    source, embeddings, rejects = given["source"], given["embeddings"], given["rejects"]
    if (source is None) == (embeddings is None):
        raise UsageError("give a manifest, a folder, or --embeddings FILE.npz with --model ID")
    if embeddings is not None and (given["restart"] or given["jobs"] is not None):
        raise UsageError("--jobs and --restart go with pictures; embeddings are loaded at once")
    if rejects is not None and source is not None and rejects.absolute() == source.absolute():
        raise UsageError("--rejects names the manifest itself: give another file")
    session = call.session
    run = load_list if kind == "watchlist" else load_cohort
    found = _embeddings(call, kind, embeddings, given["model"]) if embeddings else _pictures(call, kind, source, given)
    try:
        with _rejects_file(rejects) as keep, _going_on(call.output, name, source) as progress:
            result = run(session, name, found, given["replace"], progress)
            keep(result.rejected)
    except NothingUsable as error:
        with _rejects_file(rejects) as keep:
            keep(error.rejected)
        raise
    _print(call, name, result, rejects is not None)


@contextmanager
def _going_on(output: Output, name: str, source: Path | None) -> Iterator[Progress]:
    """Progress; and for whoever presses Ctrl-C, how far it came and what to do."""
    at = 0, 0
    with output.progress(f"loading {name}", "" if source is None else "pictures") as report:

        def told(done: int, total: int, known: int = 0, /) -> None:
            nonlocal at
            at = done, total
            report(done, total, known)

        try:
            yield told
        except KeyboardInterrupt:
            done, total = at
            if not done:
                raise
            raise KeyboardInterrupt(
                f"interrupted after {done:,} of {total:,} pictures, and {name} is as it was: "
                "the same command goes on from there (--restart to begin anew)"
            ) from None


@contextmanager
def _rejects_file(path: Path | None) -> Iterator[Callable[[Rejects], None]]:
    """Opened before anything is loaded, so that a file that cannot be written stores nothing; removed if unused."""
    if path is None:
        yield lambda _: None
        return
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
            yield lambda rejects: _write_rejects(file, rejects)
        part.replace(path)
    except OSError as error:
        raise BadInput(f"--rejects {path} cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)


def _write_rejects(file: "TextIO", rejects: Rejects) -> None:
    """One CSV line per rejected item; cells that a spreadsheet would run as a formula are escaped (CWE-1236)."""
    import csv

    def plain(cell: str) -> str:
        return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell

    writer = csv.writer(file)
    writer.writerow(("subject_id", "image", "reason", "detail"))
    for subject, one in rejects:
        writer.writerow([plain(cell) for cell in (subject, one.source, one.reason.value, one.detail)])


def _pictures(call: Call, kind: "Kind", source: Path, given: dict[str, Any]) -> "PictureSource":
    from matcher.services.sources import PictureSource, Resuming
    from matcher.store.manifest_files import read_manifest
    from matcher.vision.files import read_picture_file

    if given["model"] is not None:
        raise UsageError("--model goes with --embeddings; pictures use the default model")
    policy = call.program.policy(given["policy"])
    rows = read_manifest(source, kind)
    pipeline = call.program.pipeline(call.output, given["jobs"])
    resuming = Resuming(f"{kind} {source.absolute()}", given["restart"], lambda found: _tell(call.output, found))
    return PictureSource(rows, read_picture_file, pipeline, policy.quality, resuming)


def _tell(output: Output, found: "Unfinished") -> None:
    """What is gone on with; and that its end was not whole, where more is gone than one record half written."""
    from matcher.domain.ids import utc_text

    output.say(
        f"going on with {found.pictures:,} of {found.rows:,} pictures of a load begun at "
        f"{local_text(utc_text(found.begun_at))} (--restart to begin anew)"
    )
    if found.cut > _ONE_RECORD:
        output.say(f"note: the last {found.cut:,} bytes of its journal were damaged; what they held is done again")


def _embeddings(call: Call, kind: "Kind", path: Path, model: str | None) -> "EmbeddingSource":
    from matcher.services.sources import EmbeddingSource
    from matcher.store.embedding_files import read_embeddings

    if model is None:
        raise UsageError("--embeddings needs --model ID: templates of different models are never compared")
    identity = call.program.unseen_identity(model)
    rows, templates = read_embeddings(path, kind, identity.dim)
    return EmbeddingSource(rows, call.program.normalise(templates), identity)


def _rejected(rejects: Rejects, listed: bool) -> list[str]:
    """How many for which reason, and what to do about it."""
    counted = Counter(one.reason for _, one in rejects)
    rows = [(reason.value, count, ADVICE[reason]) for reason, count in sorted(counted.items())]
    where = [] if listed else ["which ones, and what was measured: --rejects FILE.csv (or --json)"]
    return [table(("rejected because", "pictures", "what to do"), rows), *where]


def _print(call: Call, name: str, result: "LoadResult", listed: bool) -> None:
    from matcher.calibration.enrolment import EVERYBODY

    revision = result.revision
    value = {
        "name": name,
        "revision": revision.number,
        "digest": revision.digest,
        "subjects": revision.subjects,
        "templates": revision.templates,
        "added": result.added,
        "duplicates": result.duplicates,
        "rejected": [
            {"subject_id": who, "image": one.source, "reason": one.reason.value, "detail": one.detail}
            for who, one in result.rejected
        ],
        "changed": result.changed,
        "failure_to_enrol": [
            {
                "key": {column: label} if column else {},
                "k": rate.k,
                "n": rate.n,
                "rate": rate.rate,
                "cp95": rate.cp95,
            }
            for (column, label), rate in result.failed.items()
        ],
    }
    if not revision.model.pictures_seen:
        call.output.say(
            "note: these templates were made elsewhere; they can be tested, but no photograph can be compared with them"
        )
    lines = [
        f"{name}: revision {revision.number}, {revision.subjects} subjects, {revision.templates} templates "
        f"({result.added} added, {result.duplicates} there already, {len(result.rejected)} rejected)",
        f"digest {revision.digest}",
    ]
    if result.rejected:
        lines += _rejected(result.rejected, listed)
    if result.failed[EVERYBODY].k:
        rows = [
            (f"{column} {label}" if column else "all", f"{rate.k} of {rate.n}")
            for (column, label), rate in result.failed.items()
            if rate.k
        ]
        lines.append(table(("no usable picture (failure to enrol)", "people"), rows))
    call.output.result(value, "\n".join(lines))
