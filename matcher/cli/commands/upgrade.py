"""`matcher upgrade`: an older home, brought to this program's version."""

from pathlib import Path

import rich_click as click

from matcher.cli.common import Call, finishing, leaf
from matcher.errors import UsageError


@click.command("upgrade")
@click.option("--backup", "file", type=click.Path(path_type=Path), help="A new file, written first.")
@leaf
def command(call: Call, file: Path | None) -> None:
    """Bring the tables of an older home to this program's version. --user is an admin.

    First the whole home is backed up, sealed, to a new file; then all is done at once, or nothing. End every other
    matcher of the home before. Where there is nothing to do it says so, and asks for no passphrase.

    Example: `matcher upgrade --backup /mnt/safe/before.backup --user boss`
    """
    from matcher import __version__
    from matcher.bootstrap import open_upgradable

    program, version, known = open_upgradable(call.settings)
    value = {"home_version": known, "program_version": known, "program": __version__}
    if version == known:
        both = f"the home is of version {known}, and so is this program (matcher {__version__}): nothing to do"
        call.output.result(value | {"upgraded_from": None}, both)
        return
    if file is None:
        raise UsageError(
            f"this home is of version {version}, this program works with {known}: back it up to a new file and upgrade "
            "it with matcher upgrade --backup FILE --user ADMIN"
        )
    from matcher.services.upgrade import upgrade
    from matcher.services.workplace import sign_in

    with finishing(program, call.output):
        session = sign_in(program.place, *call.who())
        with call.output.progress("backing up") as progress:
            done = upgrade(session, program.archive(), program.upgrading, file, progress)
    came = f"from version {version} to {known}" if done.came_from != known else "by another matcher meanwhile"
    backed_up = {"file": str(file), "backup": done.backup_id, "log_entry": done.sequence, "bytes": done.size}
    call.output.result(
        value | {"upgraded_from": done.came_from} | backed_up,
        f"backed up  {done.size / 1e6:.1f} MB to {file}, at log entry {done.sequence}\n"
        f"upgraded   {came}\n"
        "next       matcher audit verify",
    )
