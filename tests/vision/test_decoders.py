"""Pictures are decoded in a process of their own: what one of them does to it is done to that picture alone."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.face import Face, Picture
from matcher.domain.policy import Quality
from matcher.domain.rejection import Reason, Rejected
from matcher.domain.template import ModelIdentity
from matcher.errors import StorageFailed
from matcher.vision.confined import Limits
from matcher.vision.decode import decode
from matcher.vision.decoder import Raster
from matcher.vision.decoder_messages import ARENA, KEPT, MOST_SHRUNK, REASONS, Answer
from matcher.vision.decoders import Decoders
from matcher.vision.limits import MAX_BYTES
from matcher.vision.pipeline import FacePipeline
from tests.assets.bombs import huge_jpeg
from tests.vision.pictures import ONE_FACE, face, saved

BAD = "tests.vision.bad_tasks:BAD"
SOON = Limits(seconds=30.0)


@pytest.fixture(scope="module")
def real() -> Iterator[Decoders]:
    decoders = Decoders()
    yield decoders
    decoders.close()


@pytest.fixture
def bad() -> Iterator[Decoders]:
    decoders = Decoders(BAD, SOON)
    yield decoders
    decoders.close()


def told(decoders: Decoders, words: str) -> Rejected:
    made = decoders.pixels(Picture("probe.jpg", words.encode()))
    assert isinstance(made, Rejected), words
    assert made.source == "probe.jpg"
    return made


def works(decoders: Decoders) -> bool:
    made = decoders.pixels(Picture("next.jpg", b"fine"))
    return isinstance(made, np.ndarray) and made.tolist() == [[[7] * 3] * 3] * 2


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
def test_pixels_are_to_the_bit_those_of_the_decoder_and_nobody_can_change_them(real: Decoders, kind: str) -> None:
    picture = Picture("a.jpg", saved(face(), kind))
    here, there = decode(picture), real.pixels(picture)
    assert isinstance(here, np.ndarray)
    assert isinstance(there, np.ndarray)
    assert np.array_equal(here, there)
    assert not there.flags.writeable
    assert there.base is None or there.base.base is None  # a copy: nothing of it is in the memory that is shared


def test_a_heic_is_read_there_too(real: Decoders) -> None:
    pytest.importorskip("pillow_heif").register_heif_opener()
    picture = Picture("a.heic", saved(face(), "HEIF"))
    here, there = decode(picture), real.pixels(picture)
    assert isinstance(here, np.ndarray)
    assert isinstance(there, np.ndarray)
    assert np.array_equal(here, there)


def test_a_rejection_comes_back_with_the_name_of_the_picture(real: Decoders) -> None:
    made = real.pixels(Picture("my \u202e name.jpg", b"GIF89a"))
    assert made == decode(Picture("my \u202e name.jpg", b"GIF89a"))
    assert isinstance(real.pixels(Picture("a", b"")), Rejected)
    assert real.pixels(Picture("a", bytes(MAX_BYTES + 1))) == decode(Picture("a", bytes(MAX_BYTES + 1)))


@pytest.mark.parametrize(
    ("words", "detail"),
    [
        ("segfault", "it ended the process that decoded it (SIGSEGV)"),
        ("killed", "it ended the process that decoded it (SIGKILL)"),
        ("unnamed", "it ended the process that decoded it (signal 40)"),
        ("exception", "it ended the process that decoded it (exit 1)"),
        ("lie 70", "gave no answer that makes sense"),
        ("lie 7000000080ffffffffffffffff", "gave no answer that makes sense"),
        ("lie 72ff41", "gave no answer that makes sense"),
        ("lie 721b5b336d", "gave no answer that makes sense"),
    ],
)
def test_what_a_picture_does_to_its_decoder_refuses_that_picture_and_no_other(
    bad: Decoders, words: str, detail: str
) -> None:
    assert works(bad)
    made = told(bad, words)
    assert made.reason is Reason.UNREADABLE
    assert detail in made.detail
    assert made.detail.isprintable()
    assert bad.count == 0
    assert works(bad)


def test_one_that_hangs_is_killed_and_the_next_picture_goes_to_another() -> None:
    decoders = Decoders(BAD, Limits(seconds=1.0))
    assert told(decoders, "sleep").detail.startswith("it was not decoded after 1 s")
    assert decoders.count == 0
    assert decoders.pixels(Picture("a", b"")) is not None
    assert decoders.count == 1
    decoders.close()


def test_processor_time_is_bounded_for_each_picture_and_not_for_all_of_them() -> None:
    decoders = Decoders(BAD, Limits(seconds=60, processor_seconds=2))
    pids = set()
    for _ in range(3):
        assert isinstance(decoders.pixels(Picture("a", b"work 0.9")), np.ndarray)
        pids.add(decoders._idle[0]._process.pid)
    assert len(pids) == 1
    assert "(SIGPROF)" in told(decoders, "spin").detail
    decoders.close()


def test_more_memory_than_it_may_have_is_too_large_and_the_process_goes_on(bad: Decoders) -> None:
    assert works(bad)
    assert told(bad, f"allocate {3 << 30}").reason is Reason.TOO_LARGE
    assert bad.count == 1
    assert works(bad)


def test_a_whole_picture_with_too_little_memory_is_refused_not_half_read() -> None:
    little = Decoders(limits=Limits(memory=1_000 << 20, very_large_memory=1_000 << 20))
    large = Picture("large.jpg", saved(face().resize((7_000, 7_000)), "JPEG"))
    made = little.pixels(large)
    assert isinstance(made, Rejected)
    assert made.source == "large.jpg"
    assert isinstance(little.pixels(Picture("a.jpg", ONE_FACE.read_bytes())), np.ndarray)
    little.close()


def test_it_writes_no_file_opens_few_and_takes_no_memory_away(bad: Decoders, tmp_path: Path) -> None:
    assert told(bad, f"write {tmp_path / 'x'}").detail == "failed 27"  # EFBIG
    assert (tmp_path / "x").read_bytes() == b""
    assert told(bad, "files").detail == "failed 24"  # EMFILE
    assert told(bad, "shrink").detail in ("failed 1", "failed 22")  # EPERM by the seal
    assert works(bad)


def test_it_has_no_network_where_the_kernel_lets_it_leave(bad: Decoders) -> None:
    probe = "import ctypes,sys; sys.exit(ctypes.CDLL(None).unshare(0x50000000) != 0)"
    if subprocess.run([sys.executable, "-c", probe], check=False).returncode:
        pytest.skip("this kernel lets no user make a network")
    assert told(bad, "network").detail == "did 101"  # ENETUNREACH, where a machine on a network says 111: refused


def test_it_is_started_with_nothing_of_this_process(bad: Decoders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATCHER_DATABASE", "postgresql://secret")
    said = told(bad, "state").detail
    assert "MATCHER" not in said
    assert "HOME" not in said
    assert said.endswith("(0, 0) / True ['/dev/null', '/memfd:pictures (deleted)', 'socket:']")


def test_it_imports_no_store_no_model_and_no_interface(real: Decoders) -> None:
    decoders = Decoders("tests.vision.bad_tasks:BAD")
    modules = set(told(decoders, "modules").detail.split(","))
    decoders.close()
    ours = {name for name in modules if name.startswith("matcher.")}
    assert ours <= {
        "matcher.domain", "matcher.domain.face", "matcher.domain.rejection", "matcher.domain.template",
        "matcher.errors", "matcher.vision", "matcher.vision.answering", "matcher.vision.confined",
        "matcher.vision.decoder_messages", "matcher.vision.limits", "matcher.vision.pixels",
    }  # fmt: skip
    assert not modules & {"pydantic", "sqlalchemy", "cryptography", "onnxruntime", "textual", "scipy", "faiss"}


def test_one_that_ended_while_nobody_used_it_is_no_picture_s_fault(bad: Decoders) -> None:
    assert works(bad)
    os.kill(bad._idle[0]._process.pid, signal.SIGKILL)
    bad._idle[0]._process.wait()
    assert works(bad)


def test_one_that_cannot_be_started_is_an_error_and_no_rejection() -> None:
    decoders = Decoders("tests.vision.bad_tasks:NO_SUCH_TASK")
    for _ in range(2):
        with pytest.raises(StorageFailed, match="does not start"):
            decoders.pixels(Picture("a", b"x"))
    assert decoders.count == 0


def test_it_ends_when_the_program_is_killed() -> None:
    code = (
        "import os, signal\n"
        "from matcher.domain.face import Picture\n"
        "from matcher.vision.decoders import decoders\n"
        "decoders().pixels(Picture('a', b'x'))\n"
        "print(decoders()._idle[0]._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    until = time.monotonic() + 10
    while Path(f"/proc/{done.stdout.strip()}/cmdline").exists() and time.monotonic() < until:
        if not Path(f"/proc/{done.stdout.strip()}/cmdline").read_bytes():
            break  # ended, and nobody asked how yet
        time.sleep(0.01)
    assert time.monotonic() < until


def test_an_interrupt_leaves_no_answer_for_the_next_picture(bad: Decoders) -> None:
    assert works(bad)

    def interrupted() -> None:
        raise KeyboardInterrupt

    decoder = bad._idle[0]
    with pytest.raises(KeyboardInterrupt):
        decoder.raster(Picture("a", b"large"), interrupted)
    assert not decoder.is_alive
    assert works(bad)


def test_a_thread_that_waits_gets_one_of_its_own_and_all_but_one_can_be_ended(bad: Decoders) -> None:
    assert works(bad)
    assert bad.count == 1
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: bad.pixels(Picture("a", b"nap 0.5")), range(3)))
    assert bad.count > 1
    bad.close(kept=1)
    assert bad.count == 1
    assert works(bad)
    assert bad.count == 1
    bad.close()
    assert bad.count == 0


@pytest.mark.parametrize(("words", "alone"), [(b"large", True), (b"small", False)])
def test_of_very_large_pictures_one_is_worked_on_at_a_time(bad: Decoders, words: bytes, alone: bool) -> None:
    lock, now, most = threading.Lock(), 0, 0

    def work(number: int) -> None:
        nonlocal now, most
        with bad.raster(Picture(str(number), words)) as made:
            assert isinstance(made, Raster)
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.2)
            with lock:
                now -= 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))
    assert (most == 1) is alone


def test_a_jpeg_of_more_than_50_million_pixels_is_very_large(real: Decoders) -> None:
    turns = []
    for data in (huge_jpeg(7_500) + bytes(200_000), saved(face(), "JPEG")):
        decoder = real._borrowed()
        decoder.raster(Picture("a", data), lambda data=data: turns.append(len(data)))  # type: ignore[misc]
        real._returned(decoder)
    assert len(turns) == 1
    assert turns[0] > 200_000


def test_a_load_goes_on_behind_a_picture_that_ends_its_decoder(bad: Decoders) -> None:
    pictures = [Picture(f"{number}.jpg", word) for number, word in enumerate((b"segfault", b"exception", b"killed"))]
    identity = ModelIdentity("e", "d", "p", "r", 4)
    unused: object = None
    pipeline = FacePipeline(unused, unused, identity, 2, decoding=bad)  # type: ignore[arg-type]
    results: list[Face | Rejected] = [result for _, result in pipeline.references(pictures, Quality())]
    assert [one.source for one in results if isinstance(one, Rejected)] == ["0.jpg", "1.jpg", "2.jpg"]
    (probe,) = pipeline.faces(pictures[0], Quality())
    assert isinstance(probe, Rejected)
    assert probe.source == "0.jpg"


def test_memory_behind_what_is_kept_is_given_back(real: Decoders) -> None:
    def shared() -> int:
        status = Path("/proc/self/status").read_text()
        return int(status.split("RssShmem:")[1].split()[0]) * 1024

    before = shared()  # other decoders of this process keep some too
    made = real.pixels(Picture("large.jpg", saved(face().resize((4_000, 4_000)), "JPEG")))
    assert isinstance(made, np.ndarray)
    assert made.nbytes == 48_000_000
    assert shared() < before + KEPT + 4_000_000


@given(st.binary(max_size=40) | st.binary(max_size=30).map(lambda rest: b"p" + rest + b"\0" * (12 - len(rest))))
@settings(max_examples=500, deadline=None)
def test_whatever_a_decoder_says_fits_the_arena_or_is_nothing(message: bytes) -> None:
    answer = Answer.parse(message)
    if answer is None:
        return
    assert answer.detail.isprintable()
    assert 0 <= answer.height * answer.width * 3 <= ARENA
    assert 1 <= answer.shrunk <= MOST_SHRUNK
    assert answer.reason is not None or answer.height * answer.width > 0
    assert answer.encode() == message


@given(st.sampled_from(REASONS), st.text(max_size=60))
@settings(max_examples=50, deadline=None)
def test_a_reason_comes_back_as_it_was_said(reason: Reason, detail: str) -> None:
    said = Answer(reason=reason, detail=detail) if detail.isprintable() else None
    assert said is None or Answer.parse(said.encode()) == said
