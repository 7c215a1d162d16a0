"""Homes of older versions, as the program of their time left them (`version_4/make.py` says how they were made)."""

import tarfile
from pathlib import Path

from tests.databases import chosen, server

HERE = Path(__file__).parent


def older_home(folder: Path, version: int = 4) -> Path:
    """A home of that version in a folder, with its database on the engine of the test."""
    with tarfile.open(HERE / f"version_{version}" / f"{chosen.engine}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    home = folder / "home"
    for path in (home, home / "sealed"):
        path.chmod(0o700)
    if chosen.engine == "postgresql":
        dump = folder / "dump.sql"
        database = server().new_database()
        chosen.addresses[home] = server().address(database)
        # What begins with a backslash is for psql: it opens and closes what the dump restricts it to.
        lines = [line for line in dump.read_text().splitlines() if not line.startswith("\\")]
        server().sql(database, "\n".join(lines))
        dump.unlink()
    return home
