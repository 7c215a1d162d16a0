"""The made-up faces by which machines are compared: four of the shipped demo people, one of each group of theirs."""

from importlib.resources import files

from matcher.domain.face import Picture

# Their digests are held by a test: with other pictures every list would be taken for one of another machine.
NAMES = ("W00df_0.jpg", "W00dm_0.jpg", "W00lf_0.jpg", "W00lm_0.jpg")


def shipped_faces() -> list[Picture]:
    """The pictures, as they are shipped."""
    folder = files("matcher_watchlists") / "demo" / "list"
    return [Picture(name, (folder / name).read_bytes()) for name in NAMES]
