"""How the homes of version 4 beside this file were made: by the program of version 4 itself, once on each engine.

    git worktree add ../version-4 5242c3d          # the last commit with the tables of version 4
    cd ../version-4                                 # and build the compiled core there
    python .../tests/assets/version_4/make.py .../tests/assets/version_4

It runs that tree's own `tests.services.world`: nothing of the program that reads the homes has a part in them. In
each: a list that serves under a signed certificate, a refused sign-in, an alert of two reviewers that is a lead, one
that waits with one of two judgements, and a checkpoint signed by the log's key. `sqlite.tar.xz` holds the folder,
`postgresql.tar.xz` the folder and `dump.sql` (pg_dump 15, plain, without owners and privileges).
"""

import subprocess
import sys
import tarfile
import tempfile
from contextlib import suppress
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

from matcher.domain.case import Verdict
from matcher.errors import WrongPassphrase
from matcher.services.workplace import sign_in
from matcher.store.belonging import note_belonging
from matcher.store.home import open_home
from matcher.store.schema import SCHEMA_VERSION
from tests.cli.runner import Cli
from tests.databases import address_of, homes_on, server
from tests.services.world import World


def lived(folder: Path) -> World:
    """A home with work done in it and work that waits."""
    world = World(folder)
    note_belonging(open_home(folder / "home"), world.store)
    world.create(expires=date(2099, 12, 31))
    world.load()
    world.cohort(people=160)
    world.calibrate()
    world.activate()
    with suppress(WrongPassphrase):
        sign_in(world.place, "ana", "not the one")
    world.submit(world.templates[7], case="2026/1")
    world.conclude(Verdict.SAME)
    world.submit(world.templates[8], case="2026/2")
    world.desk("ana").finish(world.judge("ana", Verdict.SAME))
    world.store.close()
    return world


def main(out: Path) -> None:
    """Makes both archives."""
    assert SCHEMA_VERSION == 4, "run it in a tree of version 4"
    for engine in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as made, homes_on(engine):
            folder = Path(made)
            home = lived(folder).folder / "home"
            cli = Cli(home)
            signed = cli("audit", "checkpoint", "--out", folder / "checkpoint")
            verified = cli("audit", "verify")
            assert (signed.code, verified.code) == (0, 0), signed.err + verified.err
            names = ["home"]
            if engine == "postgresql":
                database = (address_of(home) or "").partition("@/")[2].partition("?")[0]
                dump = ["pg_dump", "-h", server().socket, "-U", "matcher_tests", "-O", "-x"]
                words = [*map(str, dump), "--inserts", "-f", str(folder / "dump.sql"), database]
                subprocess.run(words, check=True)
                names.append("dump.sql")
            with tarfile.open(out / f"{engine}.tar.xz", "w:xz", preset=9) as archive:
                for name in names:
                    archive.add(folder / name, name)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
