"""`matcher init`: a new home."""

import rich_click as click

from matcher.cli.common import Call, leaf


@click.command("init")
@leaf
def command(call: Call) -> None:
    """Create a home: a folder with the database, the log and the keys, readable by you alone.

    Prints a recovery code once. Keep it away from this machine: the home key is sealed to it, and `matcher user
    recover` is the only way back when every admin's passphrase is lost. Whoever has code and files opens everything.

    Example: `matcher init --home ~/matcher-home`
    """
    from matcher.bootstrap import create_program

    def tell(code: str) -> None:
        call.output.say("Write the recovery code down now; it is stored nowhere and never shown again.")
        call.output.result(
            {"home": str(call.settings.home), "recovery_code": code},
            f"home           {call.settings.home}\nrecovery code  {code}\n"
            "next           matcher user add NAME --role admin",
        )

    create_program(call.settings, demo=False, tell=tell)
