"""What a certificate says of shards, and what may answer under it; no Ray is needed."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from matcher.domain.ports import Index, RowReader
from matcher.domain.revision import Screen
from matcher.domain.search import SearchAnswer
from matcher.domain.shards import shard_digests
from matcher.domain.template import Floats, Millionths, Scores
from matcher.errors import IntegrityError, MatcherError, NotSearchable
from matcher.index.exact import ExactIndex
from matcher.services.audit import verify
from matcher.services.search import open_list
from tests.services.world import World

SHARDS = 3


@dataclass
class Divided:
    """An index that says it is shards."""

    whole: ExactIndex
    shards: tuple[str, ...]

    @property
    def revision_digest(self) -> str:
        return self.whole.revision_digest

    @property
    def engine(self) -> str:
        return self.whole.engine

    def at_or_above(self, queries: Floats, threshold: Millionths) -> SearchAnswer:
        return self.whole.at_or_above(queries, threshold)

    def maxima(self, queries: Floats, excluded: Scores | None = None) -> Scores:
        return self.whole.maxima(queries, excluded)


def divided(screen: Screen, rows: RowReader) -> Index:
    digests = shard_digests(screen.revision_digest, screen.subject_ids, screen.subjects, rows, SHARDS)
    return Divided(ExactIndex.opened(screen, rows), digests)


def swapped(screen: Screen, rows: RowReader) -> Index:
    made = divided(screen, rows)
    return Divided(ExactIndex.opened(screen, rows), made.shards[::-1])


def on_a_cluster(world: World, shards: int | None = SHARDS, opener: object = divided) -> World:
    place = replace(world.place, shards=shards, open_index=opener)  # type: ignore[arg-type]
    world.place = place
    world.sessions = {name: replace(session, place=place) for name, session in world.sessions.items()}
    return world


def test_a_certificate_for_a_cluster_names_every_shard_and_serves_one_machine_too(tmp_path: Path) -> None:
    world = on_a_cluster(World(tmp_path)).active()
    opened = open_list(world.sessions["boss"], "missing")
    shards = opened.certificate.terms.shards
    assert len(set(shards)) == SHARDS
    assert opened.index.shards == shards
    assert "shards" in opened.certificate.terms.facts()
    assert world.submit(world.templates[0])[0].alerts == 1
    on_a_cluster(world, None, ExactIndex.opened)
    assert world.submit(world.templates[0])[0].alerts == 1
    verify(world.place, lambda *_: None)


def test_a_certificate_for_one_machine_says_nothing_of_shards_and_lets_no_cluster_search(tmp_path: Path) -> None:
    world = World(tmp_path).active()
    assert "shards" not in open_list(world.sessions["boss"], "missing").certificate.terms.facts()
    on_a_cluster(world)
    with pytest.raises(NotSearchable, match="signed for no shards and the cluster has 3"):
        world.submit(world.templates[0])


@pytest.mark.parametrize(("opener", "error"), [(swapped, IntegrityError), (divided, NotSearchable)])
def test_other_shards_than_the_signed_ones_search_nothing(
    tmp_path: Path, opener: object, error: type[MatcherError]
) -> None:
    world = on_a_cluster(World(tmp_path), SHARDS if opener is swapped else SHARDS + 1).active()
    on_a_cluster(world, SHARDS, opener)
    with pytest.raises(error, match="shard"):
        world.submit(world.templates[0])
