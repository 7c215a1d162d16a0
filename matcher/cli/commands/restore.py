"""`matcher restore`: a home of a backup."""

from pathlib import Path

import rich_click as click

from matcher.cli.common import Call, leaf
from matcher.cli.output import local_text


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@leaf
def command(call: Call, file: Path) -> None:
    """Make a home of a backup, where none is. --user is an admin of the moment of the backup.

    It asks for the passphrase of that moment. The home is verified, and the restore is an entry of its log. Lists that
    served are suspended until an approver signs again; alerts that waited are closed as inconclusive. A home of an
    older version is upgraded on the way.

    Example: `matcher restore /mnt/safe/home.backup --home ~/restored --user boss`
    """
    from matcher.bootstrap import restore_program

    restored = restore_program(call.settings, file, call.who(), call.output)
    value = {
        "home": str(call.settings.home),
        "backup": restored.backup_id,
        "made_at": restored.made_at,
        "log_entries": restored.entries,
        "suspended": list(restored.stopped),
        "home_version": restored.came_from,
    }
    call.output.result(
        value,
        f"restored   {call.settings.home}, as it was {local_text(restored.made_at)}, log entry {restored.entries}, "
        f"version {restored.came_from}\n"
        f"suspended  {', '.join(restored.stopped) or 'nothing served'}\n"
        "next       what happened since is not in this home: matcher user list, matcher watchlist list",
    )
