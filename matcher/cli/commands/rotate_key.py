"""`matcher rotate-key`: another home key."""

import rich_click as click

from matcher.cli.common import Call, agreed, leaf


@click.command("rotate-key")
@click.option("--yes", is_flag=True, help='Skip "are you sure?".')
@leaf
def command(call: Call, yes: bool) -> None:
    """Seal the whole home anew under another home key, which the old one does not open.

    For when somebody may have kept the home key: who was removed, or whose passphrase was known to another. Remove them
    first (`matcher user remove`), since everybody who is still in the home gets the next key; passphrases and the
    recovery code stay. It takes as much room in the home again as it has, and whoever is signed in signs in again.
    Backups and copies from before still open with the old key.

    Example: `matcher rotate-key --user boss --yes`
    """
    from matcher.services.rotate import rotate_home_key

    session = call.session
    agreed("Seal the whole home anew under another home key?", yes)
    with call.output.progress("sealing anew") as progress:
        done = rotate_home_key(session, progress)
    value = {
        "containers": done.containers,
        "values": done.values,
        "people": list(done.people),
        "files_searched": done.sought.files,
        "samples_sought": done.sought.samples,
    }
    call.output.result(
        value,
        f"sealed anew  {done.containers} containers, {done.values} values of alerts\n"
        f"held by      {', '.join(done.people)}, with the passphrases they have\n"
        f"searched     {done.sought.files} files for {done.sought.samples} old seals: none is left\n"
        "next         matcher backup, and destroy the backups from before: they open with the old key",
    )
