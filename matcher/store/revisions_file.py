"""The sealed content of a revision: three containers named after it.

`<revision_id>-items`       JSON (msgspec), one array of at most 4,096 items per line
`<revision_id>-templates`   float32 little-endian rows, nothing else
`<revision_id>-screen`      what a search keeps in memory (`screen_file.py`), stamped with the content digest

1. Writing leaves all containers or none.
2. Reading checks what came out of the seal against the revision's public facts: counts, width, row numbers and the
   content digest. Whatever does not fit is an IntegrityError, because no supported path makes it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from matcher.domain.erasure import Sought
from matcher.domain.ports import RowReader, Vault
from matcher.domain.revision import Item, Remains, Revision, RevisionContent, Screen, content_digest
from matcher.domain.template import Floats
from matcher.errors import IntegrityError, Refused
from matcher.store.archive import discard_snapshot
from matcher.store.containers import container_path
from matcher.store.erasing import drop, exchange, hold, sample_of, sought_in
from matcher.store.screen_file import SealedRows, read_screen, write_screen

SAMPLE, SHORTEST_SAMPLE = 48, 24  # bytes; 24 random ones are in no home by chance

_ITEMS_PER_LINE = 4_096
_BYTES_AT_ONCE = 1 << 20  # larger pieces cost more in fresh pages than they save in calls


@dataclass(frozen=True, slots=True)
class SealedRevisions:
    """`ports.Revisions`; `folder` is that of the containers."""

    folder: Path

    def write(self, vault: Vault, revision_id: str, content: RevisionContent, screen: Screen) -> None:
        """Seals items, templates and screen; leaves nothing behind when it fails. Raises StorageFailed."""
        items_id, templates_id, screen_id = containers_of(revision_id)
        kept: list[str] = []
        with (
            vault.new_container(items_id) as items,
            vault.new_container(templates_id) as templates,
            vault.new_container(screen_id) as screened,
        ):
            for line in _lines(content.items):
                items.append(line)
            for piece in _pieces(content.templates):
                templates.append(piece)
            write_screen(screened, screen)
            try:
                for container in (items, templates, screened):
                    container.keep()
                    kept.append(container.container_id)
            except BaseException:  # also for Ctrl-C: half a revision must not stay behind
                for container_id in kept:
                    vault.remove(container_id)
                raise

    def read(self, vault: Vault, revision: Revision) -> RevisionContent:
        """Opens everything and checks it; templates are read-only float32 (n, d).

        Raises Refused for a revision from which people were erased, IntegrityError.
        """
        _require_whole(revision)
        return self._read(vault, revision)

    def left(self, vault: Vault, revision: Revision) -> RevisionContent:
        """As `read`; of a revision from which people were erased, what is left of it. Raises IntegrityError."""
        left = revision.left
        if left is None:
            return self._read(vault, revision)
        if left.digest is None:
            empty = np.empty((0, revision.model.dim), np.float32)
            empty.flags.writeable = False
            return RevisionContent((), empty)
        subjects, templates, rejected = left.subjects, left.templates, left.rejected
        now = replace(revision, digest=left.digest, subjects=subjects, templates=templates, rejected=rejected)
        return self._read(vault, now)

    def _read(self, vault: Vault, revision: Revision) -> RevisionContent:
        items_id, templates_id, _ = containers_of(revision.revision_id)
        items = _items(vault.read(items_id, 0, vault.size(items_id)), revision)
        templates = _templates(vault, templates_id, revision)
        _check(items, revision)
        content = RevisionContent(items, templates)
        if content_digest(content) != revision.digest:
            raise _does_not_fit(revision, "its content digest differs")
        return content

    def screen(self, vault: Vault, revision: Revision) -> tuple[Screen, RowReader]:
        """The screen, if it is that of this revision, and a reader of its sealed rows.

        Raises Refused for a revision from which people were erased, IntegrityError.
        """
        _require_whole(revision)
        _, templates_id, screen_id = containers_of(revision.revision_id)
        screen = read_screen(vault, screen_id)
        counts = (screen.revision_digest, screen.d, len(screen.subjects), len(screen.subject_ids))
        if counts != (revision.digest, revision.model.dim, revision.templates, revision.subjects):
            raise _does_not_fit(revision, "its screen is of other templates")
        return screen, SealedRows(vault, templates_id, revision.templates, revision.model.dim)

    def discard(self, vault: Vault, revision_id: str) -> None:
        """Removes what `write` made; absent containers are no error."""
        for container_id in containers_of(revision_id):
            vault.remove(container_id)

    def present(self, revision: Revision) -> bool:
        """Whether all containers, of an erased revision those that are left, are regular files in their place."""
        names = set(containers_of(revision.revision_id))
        if revision.left is not None:
            names -= set(gone_with(revision.revision_id, revision.left))
        paths = [container_path(self.folder, one) for one in names]
        return all(path.is_file() and not path.is_symlink() for path in paths)

    def write_left(self, vault: Vault, revision_id: str, erasure_id: str, content: RevisionContent) -> None:
        """Seals what an erasure leaves of a revision, to be exchanged once it is committed. Raises StorageFailed."""
        items_id, templates_id, _ = containers_of(revision_id)
        with (
            vault.new_successor(items_id, erasure_id) as items,
            vault.new_successor(templates_id, erasure_id) as templates,
        ):
            for line in _lines(content.items):
                items.append(line)
            for piece in _pieces(content.templates):
                templates.append(piece)
            items.keep()
            templates.keep()

    def drop(self, erasure_id: str) -> None:
        """Removes what was sealed for an erasure that was never committed."""
        drop(self.folder, erasure_id)

    def hold(self, erasure_id: str, container_ids: Sequence[str]) -> None:
        """Whether everything that is to be exchanged is there, and young enough for no sweep. Raises StorageFailed."""
        hold(self.folder, erasure_id, container_ids)

    def exchange(self, erasure_id: str, left: Sequence[tuple[str, Remains]]) -> None:
        """Puts what an erasure left in the place of what there was; what a killed backup left goes. Twice is once.

        Raises StorageFailed, Refused while a backup is under way.
        """
        discard_snapshot(self.folder.parent)
        gone = [name for revision_id, one in left for name in gone_with(revision_id, one)]
        exchange(self.folder, erasure_id, gone)

    def containers(self, revision_ids: frozenset[str]) -> Sequence[str]:
        """The ids of the containers of revisions that are there, in order."""
        return sorted(path.stem for path in self.folder.glob("*.box") if path.name.partition("-")[0] in revision_ids)

    def samples(self, container_ids: Sequence[str]) -> Sequence[bytes]:
        """Sealed bytes of containers as they lie on the disk, for `sought`."""
        return [sample_of(self.folder, one, SAMPLE) for one in container_ids]

    def sought(self, samples: Sequence[bytes]) -> Sought:
        """Searches every file of the home for samples. Raises StorageFailed."""
        return sought_in(self.folder.parent, [one for one in samples if len(one) >= SHORTEST_SAMPLE])


def gone_with(revision_id: str, left: Remains) -> tuple[str, ...]:
    """Containers that an erased revision has no more: its screen, and all of them where nothing is left."""
    if left.digest is not None:
        return (containers_of(revision_id)[2],)
    return (*containers_of(revision_id), f"{revision_id}-pictures")


def _require_whole(revision: Revision) -> None:
    if revision.left is not None:
        raise Refused(
            f"people were erased from revision {revision.number}: what it held cannot be opened whole any more"
        )


def containers_of(revision_id: str) -> tuple[str, str, str]:
    """The ids of a revision's containers: items, templates, screen."""
    return f"{revision_id}-items", f"{revision_id}-templates", f"{revision_id}-screen"


def _lines(items: tuple[Item, ...]) -> Iterator[bytes]:
    import msgspec

    for at in range(0, len(items), _ITEMS_PER_LINE):
        yield msgspec.json.encode(items[at : at + _ITEMS_PER_LINE]) + b"\n"


def _pieces(templates: Floats) -> Iterator[bytes]:
    """The bytes of the rows in pieces, so that a large array is never copied whole."""
    rows_at_once = max(1, _BYTES_AT_ONCE // max(1, templates.shape[1] * 4))
    for at in range(0, len(templates), rows_at_once):
        yield np.ascontiguousarray(templates[at : at + rows_at_once], dtype="<f4").tobytes()


def _items(data: bytes, revision: Revision) -> tuple[Item, ...]:
    import msgspec

    decoder = msgspec.json.Decoder(tuple[Item, ...])
    try:
        return tuple(item for line in data.splitlines() for item in decoder.decode(line))
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _does_not_fit(revision, "its items cannot be read") from None


def _templates(vault: Vault, container_id: str, revision: Revision) -> Floats:
    size = vault.size(container_id)
    if size != revision.templates * revision.model.dim * 4:
        raise _does_not_fit(revision, "it holds another number of templates")
    values = np.empty(size // 4, dtype="<f4")
    plain = values.view(np.uint8)
    for at in range(0, size, _BYTES_AT_ONCE):
        length = min(_BYTES_AT_ONCE, size - at)
        plain[at : at + length] = np.frombuffer(vault.read(container_id, at, length), np.uint8)
    values.flags.writeable = False
    return values.astype(np.float32, copy=False).reshape(revision.templates, revision.model.dim)


def _check(items: tuple[Item, ...], revision: Revision) -> None:
    rows = [item.row for item in items if item.row is not None]
    if sorted(rows) != list(range(revision.templates)):
        raise _does_not_fit(revision, "its items name other rows than it has templates")
    if any((item.row is None) == (item.reason is None) for item in items):
        raise _does_not_fit(revision, "an item has neither template nor reason, or both")
    subjects = {item.subject_id for item in items if item.row is not None}
    if len(items) - len(rows) != revision.rejected or len(subjects) != revision.subjects:
        raise _does_not_fit(revision, "it holds another number of subjects or rejected pictures")


def _does_not_fit(revision: Revision, what: str) -> IntegrityError:
    return IntegrityError(f"revision {revision.number} is not what was loaded ({what}): restore a backup")
