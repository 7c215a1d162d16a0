"""The composition root: Settings -> ready services. The only place where concrete classes meet."""

import hashlib
import os
import pwd
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

from matcher.config import Settings
from matcher.domain.people import Seat
from matcher.errors import BadInput, MatcherError, Refused
from matcher.services.workplace import Workplace

if TYPE_CHECKING:
    from matcher.calibration.resolutions import Resolutions
    from matcher.domain.checkpoint import Note
    from matcher.domain.confidence import MatchConfidence, Prior
    from matcher.domain.engine import Factory
    from matcher.domain.installed_model import InstalledModel
    from matcher.domain.policy import Policy
    from matcher.domain.ports import Archive, FacePipeline, RowReader
    from matcher.domain.provider import Provider
    from matcher.domain.records import Restored
    from matcher.domain.revision import RevisionContent, Screen
    from matcher.domain.rooms import Reception
    from matcher.domain.shards import ClusterAddress, ClusterNode
    from matcher.domain.tables import Upgrading
    from matcher.domain.template import Floats, Millionths, ModelIdentity, Scores
    from matcher.index.approximate import ApproximateIndex
    from matcher.index.cluster import ClusterIndex, ClusterView
    from matcher.index.exact import ExactIndex
    from matcher.services.calibrate import Shipped
    from matcher.services.cluster_node import Node, Wanted
    from matcher.services.notary import LogNotary
    from matcher.store.home import Home
    from matcher.store.unit_of_work import Store


MOST_POLICY_BYTES = 65_536
MOST_REPORT_BYTES = 1 << 28


class Speaker(Protocol):
    """Where set-up work says what it does."""

    def say(self, text: str) -> None:
        """One line."""

    def progress(self, what: str) -> AbstractContextManager[Callable[[int, int], None]]:
        """How far it is: done, of how many."""


@dataclass(frozen=True, slots=True)
class Program:
    """An opened home and the parts that are built when they are needed."""

    settings: Settings
    place: Workplace
    demo: bool
    database: Callable[[], str]  # its engine and version; raises StorageFailed
    archive: Callable[[], "Archive"]  # what makes backups of this home
    upgrading: "Upgrading"
    notary: "LogNotary"

    def finish(self) -> None:
        """At the end of a program that wrote: a checkpoint. Raises StorageFailed for an anchor that failed."""
        self.notary.finish(self.place.work)

    def pipeline(self, speaker: Speaker, jobs: int | None = None) -> "FacePipeline":
        """The face pipeline of the settings' models, which are installed first if they are missing, saying so."""
        return default_pipeline(self.settings, speaker, jobs)

    def policy(self, path: Path | None) -> "Policy":
        """A policy file, or the shipped strict default. Raises BadInput."""
        return read_policy(path)

    def resolutions(self, path: Path | None) -> "Resolutions":
        """What an admin ruled on pairs of cohort people; nothing without a file. Raises BadInput."""
        from matcher.calibration.resolutions import MOST_BYTES, Resolutions, parse_resolutions
        from matcher.store.input_files import open_input

        if path is None:
            return Resolutions()
        with open_input(path) as file:
            return parse_resolutions(file.read(MOST_BYTES + 1))

    def unseen_identity(self, model_id: str) -> "ModelIdentity":
        """The identity of embeddings made elsewhere by a known model; its weights are not needed. Raises BadInput."""
        from matcher.domain.template import ModelIdentity
        from matcher.models.catalogue import manifests

        known = manifests(self.settings.models)
        if model_id not in known or known[model_id].dim is None:
            names = ", ".join(sorted(name for name, manifest in known.items() if manifest.kind == "embedder"))
            raise BadInput(f"there is no embedder {model_id}: known are {names}")
        return ModelIdentity(known[model_id].pinned(), "unseen", "unseen", "unseen", known[model_id].dim or 0)

    def normalise(self, rows: "Floats") -> "Floats":
        """Unit templates by the canonical kernel."""
        from matcher import kernels

        return kernels.normalise(rows)

    def index_state(self) -> "Callable[[], str] | None":
        """What stands in the way of searching, whenever it is called (empty: nothing); None where one machine does."""
        cluster = None if self.demo else _cluster(self.settings)
        return None if cluster is None else partial(_state_of, _view_of(cluster), cluster)

    def reception(self) -> "Reception":
        """Signing in at the terminal interface."""
        from matcher.services.reception import Lobby

        return Lobby(self.place, match_confidence)


def restore_program(settings: Settings, file: Path, who: tuple[str, str], speaker: Speaker) -> "Restored":
    """Makes the home of the settings from a backup, for an admin of its moment, `who` by name and passphrase.

    An older home comes out as one of this version. Nothing stays of a restore that fails.

    Raises BadInput, Refused, WrongPassphrase, IntegrityError, StorageFailed.
    """
    from matcher.services.backup import begin_restored
    from matcher.store.archive import require_no_home, restoring, unpack
    from matcher.store.backup_file import read_backup
    from matcher.store.home import open_home, private_files
    from matcher.store.key_record import KeyCost
    from matcher.store.keyring import HomeKeyring
    from matcher.store.unit_of_work import open_store

    if settings.database is not None:
        raise BadInput("a home is restored with its database in its folder: unset MATCHER_DATABASE")
    backup = read_backup(file)
    require_no_home(settings.home)
    keyring = HomeKeyring(settings.home, KeyCost())
    with keyring.open_backup(backup, *who) as opened, private_files(), restoring(settings.home) as folder:
        with speaker.progress("restoring") as progress:
            unpack(opened, folder, progress)
        seat = _seat()
        store = open_store(folder, seat, _now, older=True)
        # An anchored checkpoint of a home that never comes to be would speak against the one that was backed up.
        silent = replace(settings, anchor_folder=None, anchor_command=None)
        with speaker.progress("verifying") as progress:
            made = _program(silent, open_home(folder), store, seat)
            restored = begin_restored(made.place, made.upgrading, backup.head, who, progress)
        store.close()
    program = open_program(settings)
    program.notary.checkpoint(program.place.work)
    program.finish()
    return restored


def read_policy(path: Path | None) -> "Policy":
    """A policy file, or the shipped strict default. Raises BadInput."""
    from matcher.domain.policy import Policy, parse_policy
    from matcher.store.input_files import open_input

    if path is None:
        return Policy()
    with open_input(path) as file:
        raw = file.read(MOST_POLICY_BYTES + 1)
    if len(raw) > MOST_POLICY_BYTES:
        raise BadInput(f"policy {path} is longer than {MOST_POLICY_BYTES} bytes: it is no policy")
    try:
        return parse_policy(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise BadInput(f"policy {path} is not UTF-8 text") from None


def read_report(path: Path) -> bytes:
    """The bytes of a report's file. Raises BadInput."""
    from matcher.store.input_files import open_input

    with open_input(path) as file:
        raw = file.read(MOST_REPORT_BYTES + 1)
    if len(raw) > MOST_REPORT_BYTES:
        raise BadInput(f"{path} is longer than {MOST_REPORT_BYTES} bytes: it is no report")
    return raw


def read_anchors(paths: tuple[Path, ...]) -> "tuple[Note, ...]":
    """The checkpoints in these files and folders. Raises BadInput."""
    from matcher.store.anchors import read_anchors as read

    return read(paths)


def new_export(path: Path) -> "AbstractContextManager[Callable[[str], AbstractContextManager[TextIO]]]":
    """A folder or `.zip` file under construction. Raises BadInput, StorageFailed."""
    from matcher.store.export_files import new_export as begin

    return begin(path)


def write_note(path: Path, note: "Note") -> None:
    """Keeps a checkpoint in a new file. Raises BadInput where there is one already, StorageFailed."""
    from matcher.store.anchors import write_note as write

    write(path, note)


def create_program(settings: Settings, demo: bool, tell: Callable[[str], None]) -> None:
    """Makes a home. `tell` is given its recovery code before the home can be opened: nobody has one without the other.

    Raises BadInput or Refused where a home cannot be made.
    """
    from matcher.services.people import begin_home
    from matcher.store.belonging import note_belonging, undone
    from matcher.store.home import new_home, private_files
    from matcher.store.unit_of_work import create_store

    with private_files(), new_home(settings.home, demo) as home:
        seat = _seat()
        store = create_store(settings.home, seat, _now, _address(settings, home))
        with undone(store):
            program = _program(settings, home, store, seat)
            code = begin_home(program.place, demo)
            note_belonging(home, store)
            program.notary.checkpoint(program.place.work)
            tell(code)
        store.close()
    program.finish()  # an anchor that fails says so, and takes no home away


def open_program(settings: Settings, in_browser: bool = False) -> Program:
    """Opens a home, for somebody `in_browser` or at this terminal. Raises BadInput, Refused, IntegrityError."""
    from matcher.store.belonging import belonging_of, require_belonging
    from matcher.store.home import open_home
    from matcher.store.unit_of_work import open_store

    home = open_home(settings.home)
    address = _address(settings, home)
    belongs = belonging_of(home, address)
    seat = _seat(in_browser)
    store = open_store(settings.home, seat, _now, address)
    require_belonging(belongs, store)
    program = _program(settings, home, store, seat)
    with program.place.work(write=False) as work:
        unfinished = bool(work.erasures.unfinished())
    if unfinished:
        from matcher.services.finish_erasure import finish_all

        finish_all(program.place)
    return program


def open_upgradable(settings: Settings) -> tuple[Program, int, int]:
    """A home of this program's version or an older one, only to be upgraded; its version, and that of the program.

    Raises Refused where no way leads up; otherwise as `open_program` does.
    """
    from matcher.store.belonging import belonging_of, require_belonging
    from matcher.store.home import open_home
    from matcher.store.schema import SCHEMA_VERSION
    from matcher.store.unit_of_work import open_store

    home = open_home(settings.home)
    address = _address(settings, home)
    belongs = belonging_of(home, address)
    seat = _seat()
    store = open_store(settings.home, seat, _now, address, older=True)
    require_belonging(belongs, store)
    with store.unit_of_work(write=False) as work:
        version = work.version()
        if version < SCHEMA_VERSION and work.erasures.unfinished():  # to finish one takes tables of now
            raise Refused(
                "an erasure of this home was not finished: run matcher user list of the version that made it, "
                "which finishes it, then upgrade"
            )
    return _program(settings, home, store, seat), version, SCHEMA_VERSION


def _address(settings: Settings, home: "Home") -> str | None:
    """Where the home's database is; that of a demonstration is always in its folder."""
    return None if home.demo else settings.database


def _program(settings: Settings, home: "Home", store: "Store", seat: Seat) -> Program:
    from matcher.services.notary import LogNotary
    from matcher.store.anchors import anchor_to
    from matcher.store.key_record import KeyCost
    from matcher.store.keyring import HomeKeyring
    from matcher.store.log_key import LogKey
    from matcher.store.revisions_file import SealedRevisions

    cluster = None if home.demo else _cluster(settings)
    anchor = anchor_to(settings.anchor_folder, settings.anchor_command)
    notary = LogNotary(LogKey(home, os.urandom), seat.account, anchor)
    notarised = replace(store, notary=notary)
    # A demo home has published passphrases: making them slow to try would protect nothing.
    cost = KeyCost(passes=1, memory_kib=8_192, lanes=1) if home.demo else KeyCost()
    place = Workplace(
        work=notarised.unit_of_work,
        revisions=SealedRevisions(home.sealed),
        keyring=HomeKeyring(home.sealed, cost),
        build_index=_build_index,
        open_index=_open_index if cluster is None else partial(_open_cluster, cluster),
        screen_of=_screen_of,
        clock=_now,
        random=os.urandom,
        seat=seat,
        shards=None if cluster is None else cluster.shards,
        approximate=_Approximate(),
    )

    def archive() -> "Archive":
        from matcher.store.archive import HomeArchive

        return HomeArchive(home.path, store.engine)

    return Program(settings, place, home.demo, store.describe, archive, notarised.upgrading, notary)


def default_pipeline(settings: Settings, speaker: Speaker, jobs: int | None = None) -> "FacePipeline":
    """The detector and embedder of the settings, run by their provider; `jobs` pictures at once."""
    from matcher.domain.provider import provider_from
    from matcher.vision.pipeline import open_pipeline

    provider = provider_from(settings.provider)
    detector, embedder = default_models(settings, speaker, provider)
    return open_pipeline(detector, embedder, jobs, provider)


def default_models(
    settings: Settings, speaker: Speaker, provider: "Provider"
) -> "tuple[InstalledModel, InstalledModel]":
    """The detector and embedder that the settings name, else the defaults, installed first where they are missing.

    The embedder with the graph that the provider runs. Raises BadInput for a model that nobody knows.
    """
    from matcher.models.catalogue import chosen
    from matcher.models.install import install
    from matcher.models.int8 import for_provider
    from matcher.models.record import installed

    models = []
    folder = settings.models
    for manifest in (chosen("detector", settings.detector, folder), chosen("embedder", settings.embedder, folder)):
        found = installed(manifest, settings.models)
        if found is None:
            speaker.say(f"model {manifest.id} is not installed yet: fetching it ({manifest.bytes / 1e6:.1f} MB)")
            with speaker.progress(f"installing {manifest.id}") as report:
                found = install(manifest, settings.models, None, lambda _, done, total: report(done, total))
        models.append(found)
    return models[0], for_provider(models[1], provider)


def match_confidence(report: bytes, score: "Millionths", rank: int, prior: "Prior | None") -> "MatchConfidence":
    """What is said about a candidate's score after judging blind."""
    from matcher.calibration.confidence import confidence_of
    from matcher.calibration.report import parse_report

    return confidence_of(parse_report(report), score, rank, prior)


@cache
def shipped_people() -> "Shipped":
    """Digests of the pictures of the shipped demo people (2,080 files, about 12 MB, read once when calibrating)."""
    from matcher.services.calibrate import Shipped

    demo = files("matcher_watchlists") / "demo"
    with as_file(demo) as folder:
        cohort, listed = (
            frozenset(hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / part).glob("*.jpg"))
            for part in ("cohort", "list")
        )
    return Shipped(cohort, listed)


def _build_index(templates: "Floats", subjects: "Scores", revision_digest: str) -> "ExactIndex":
    from matcher.index.exact import ExactIndex

    return ExactIndex.build(templates, subjects, revision_digest)


def _open_index(screen: "Screen", rows: "RowReader") -> "ExactIndex":
    from matcher.index.exact import ExactIndex

    return ExactIndex.opened(screen, rows)


def _cluster(settings: Settings) -> "ClusterAddress | None":
    """Where a cluster searches, if one does. Raises BadInput."""
    from matcher.domain.shards import ClusterAddress

    return None if settings.index is None else ClusterAddress.parse(settings.index)


def _open_cluster(cluster: "ClusterAddress", screen: "Screen", rows: "RowReader") -> "ClusterIndex":
    """The index of a sealed revision on a cluster, whose machines open its containers where they see them."""
    from matcher.index.cluster import ClusterIndex
    from matcher.store.lending import Lending

    give_cluster_token()
    shape = len(screen.subjects), screen.d
    return ClusterIndex.opened(Lending.of(screen.revision_digest, rows), shape, cluster, _complain)


def cluster_folder() -> Path:
    """Where this account keeps the token of its cluster and what it knows of its own node."""
    from platformdirs import user_data_path

    return user_data_path("matcher") / "cluster"


def give_cluster_token() -> None:
    """Names this account's token to Ray unless another is named."""
    from matcher.services.cluster_node import give_token

    give_token(os.environ, cluster_folder())


def start_node(wanted: "Wanted") -> "Node":
    """Starts a node of a cluster, whose token nobody else is shown. Raises Refused, BadInput, StorageFailed."""
    from matcher.index.listener import owners, require_trusted
    from matcher.services.cluster_node import start

    if wanted.own is not None:
        require_trusted(wanted.head)
    elif owners(wanted.head):
        raise BadInput(f"somebody listens at {wanted.head.endpoint} already: choose another port (--at)")
    return start(cluster_folder(), wanted)


def describe_cluster(cluster: "ClusterAddress") -> "tuple[ClusterNode, ...]":
    """The machines of a cluster. Raises NotSearchable, Refused, BadInput."""
    from matcher.index.cluster import ClusterView

    give_cluster_token()
    view = ClusterView(cluster)
    try:
        return view.nodes()
    finally:
        view.close()


def _view_of(cluster: "ClusterAddress") -> "ClusterView":
    from matcher.index.cluster import ClusterView

    return ClusterView(cluster)


def _state_of(view: "ClusterView", cluster: "ClusterAddress") -> str:
    from matcher.domain.shards import degradation

    try:
        give_cluster_token()
        return degradation(view.nodes(), cluster.shards)
    except MatcherError as error:
        return f"index degraded: {str(error).removeprefix('the index is degraded: ')}"


def _complain(text: str) -> None:
    sys.stderr.write(f"matcher: {text}\n")


class _Approximate:
    """Approximate engines, loaded when one is asked for."""

    def build(
        self, factory: "Factory", templates: "Floats", subjects: "Scores", revision_digest: str
    ) -> "ApproximateIndex":
        from matcher.index.approximate import ApproximateIndex

        return ApproximateIndex.build(factory, templates, subjects, revision_digest)

    def opened(self, factory: "Factory", screen: "Screen", rows: "RowReader") -> "ApproximateIndex":
        from matcher.index.approximate import ApproximateIndex

        return ApproximateIndex.opened(factory, screen, rows)


def _screen_of(content: "RevisionContent", revision_digest: str) -> "Screen":
    from matcher.index.screen import screen_of

    return screen_of(content, revision_digest)


def _now() -> datetime:
    return datetime.now(UTC)


def _seat(in_browser: bool = False) -> Seat:
    # The account that the kernel knows: LOGNAME and USER are whatever the caller likes.
    try:
        account = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        account = f"uid {os.getuid()}"
    if in_browser:
        # Whoever sits at a browser of this machine sits at one place: two of them share a terminal.
        return Seat(account, f"browser on {os.uname().nodename}")
    try:
        return Seat(account, os.ttyname(sys.stdin.fileno()))
    except (OSError, ValueError, AttributeError):  # no terminal on stdin: a pipe, a script, a closed descriptor
        return Seat(account, "")
