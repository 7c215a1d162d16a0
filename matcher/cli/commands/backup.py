"""`matcher backup`: the whole home in one sealed file."""

from pathlib import Path

import rich_click as click

from matcher.cli.common import Call, leaf


@click.command("backup")
@click.option("--out", "-o", "file", type=click.Path(path_type=Path), required=True, help="A new file.")
@leaf
def command(call: Call, file: Path) -> None:
    """Write the whole home, sealed, to a new file: database, log, keys and sealed containers.

    It opens with the passphrase that an admin of this moment has now. What is erased later stays in it: erase old
    backups too. Models are not in it.

    Example: `matcher backup --out /mnt/safe/home.backup --user boss`
    """
    from matcher.services.backup import back_up

    session = call.session
    with call.output.progress("backing up") as progress:
        head, size = back_up(session, call.program.archive(), file, progress)
    value = {
        "file": str(file),
        "backup": head.backup_id,
        "log_entry": head.sequence,
        "log_hash": head.hash,
        "bytes": size,
        "opens_for": [name for name, _ in head.keys],
    }
    call.output.result(
        value,
        f"backed up  {size / 1e6:.1f} MB to {file}, at log entry {head.sequence}\n"
        f"opens for  {', '.join(name for name, _ in head.keys)}, with the passphrases of now\n"
        f"restore    matcher restore {file} --home DIR --user NAME",
    )
