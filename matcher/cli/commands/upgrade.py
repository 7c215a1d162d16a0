"""`matcher upgrade`: whether a home is of this program's version."""

import rich_click as click

from matcher.cli.common import Call, leaf


@click.command("upgrade")
@leaf
def command(call: Call) -> None:
    """Say of which version the home and this program are. No way leads from an older version to this one yet.

    It changes nothing. A home of another version is refused, and what to do is said.

    Example: `matcher upgrade`
    """
    from matcher import __version__
    from matcher.bootstrap import upgrade_home

    version = upgrade_home(call.settings)
    call.output.result(
        {"home_version": version, "program_version": version, "program": __version__},
        f"the home is of version {version}, and so is this program (matcher {__version__}): nothing to do",
    )
