"""The machine: whose process listens, what memory and folder it has, what is in the system's cache."""

from __future__ import annotations

import os
import socket
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.benchmark import storage as storage_module
from orthanc_plugins.benchmark.hardware import disk_of, hardware
from orthanc_plugins.benchmark.memory import MemoryWatch
from orthanc_plugins.benchmark.processes import Process, find_processes, open_files, resident_bytes
from orthanc_plugins.benchmark.storage import Storage, find_storage
from orthanc_plugins.benchmark.targets import orthanc_target

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNUSED = "00000000:00000000 00:00000000 00000000     0        0"
OWN = Process(os.getpid(), "python", "")


@pytest.fixture
def listening() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def fake_proc(folder: Path, *, port: int, inode: str, name: str = "archive", pid: int = 77) -> Path:
    """A /proc with one process that listens on a port."""
    (folder / "net").mkdir(parents=True, exist_ok=True)
    row = f"   0: 0100007F:{port:04X} 00000000:0000 0A {_UNUSED} {inode} 1\n"
    table = folder / "net" / "tcp"
    table.write_text((table.read_text() if table.exists() else "header\n") + row)
    process = folder / str(pid)
    (process / "fd").mkdir(parents=True, exist_ok=True)
    (process / "fd" / "5").symlink_to(f"socket:[{inode}]")
    (process / "comm").write_text(f"{name}\n")
    (process / "stat").write_text(f"{pid} ({name} (x)) S " + " ".join(str(number) for number in range(3, 40)))
    (process / "statm").write_text("1000 250 1 1 1 1 1")
    return folder


def start_with(proc: Path, *, pid: int, configuration: str) -> None:
    """Have a process be started with a configuration, which is the last word of its command."""
    (proc / "files").mkdir()
    (proc / "files" / "shim.json").write_text(configuration)
    (proc / str(pid) / "root").symlink_to(proc / "files")
    (proc / str(pid) / "cwd").symlink_to(proc / "files")
    (proc / str(pid) / "cmdline").write_bytes(b"python\0-m\0dcm4chee.standin\0/shim.json\0")


# Processes


def test_the_process_that_listens_is_the_archives(listening: int) -> None:
    found = find_processes(orthanc_target(f"http://127.0.0.1:{listening}"), is_stand_in=False)
    assert [process.pid for process in found.archive] == [os.getpid()]
    assert found.reason == ""
    assert resident_bytes(found.archive) == pytest.approx(resident_bytes((OWN,)), rel=0.2)


def test_where_none_listens_nothing_is_measurable(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path, port=8042, inode="1")
    found = find_processes(orthanc_target("http://127.0.0.1:8043"), is_stand_in=False, proc=proc)
    assert "no process that can be seen listens on port 8043" in found.reason
    assert not found.archive


def test_another_users_process_cannot_be_seen(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path, port=8042, inode="1")
    (proc / "77" / "fd" / "5").unlink()
    found = find_processes(orthanc_target("http://127.0.0.1:8042"), is_stand_in=False, proc=proc)
    assert "belongs to another user" in found.reason


def test_another_machines_processes_cannot_be_seen() -> None:
    found = find_processes(orthanc_target("http://192.0.2.7:8042"), is_stand_in=False)
    assert found.reason == "not measurable: it is on another machine"


def test_what_passes_on_to_a_container_is_no_archive(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path, port=8080, inode="1", name="docker-proxy")
    found = find_processes(orthanc_target("http://127.0.0.1:8080"), is_stand_in=False, proc=proc)
    assert found.reason == "not measurable: it is in a container, behind docker-proxy"


def test_behind_a_stand_ins_shim_the_orthanc_is_the_archive_and_the_shim_stands_apart(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path, port=8080, inode="1", name="python", pid=77)
    fake_proc(tmp_path, port=8043, inode="2", name="Orthanc", pid=88)
    start_with(proc, pid=77, configuration='{"OrthancUrl": "http://127.0.0.1:8043"}')
    found = find_processes(orthanc_target("http://127.0.0.1:8080"), is_stand_in=True, proc=proc)
    assert [(one.pid, one.name) for one in found.archive] == [(88, "Orthanc")]
    assert [(one.pid, one.name) for one in found.shim] == [(77, "python")]


@pytest.mark.parametrize("configuration", ["", "[]", "{}", '{"OrthancUrl": "http://127.0.0.1:9"}'])
def test_a_shim_without_an_orthanc_behind_it_is_not_taken_for_one(tmp_path: Path, configuration: str) -> None:
    proc = fake_proc(tmp_path, port=8080, inode="1", name="python")
    start_with(proc, pid=77, configuration=configuration)
    found = find_processes(orthanc_target("http://127.0.0.1:8080"), is_stand_in=True, proc=proc)
    assert "Orthanc behind the stand-in's shim was not found" in found.reason


def test_memory_of_a_process_that_has_ended_is_none(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path, port=1, inode="1")
    running = Process(77, "archive", "")
    assert resident_bytes((running,), proc) == 250 * os.sysconf("SC_PAGE_SIZE")
    assert resident_bytes((running, Process(78, "gone", "")), proc) is None


# Memory


def test_a_watch_keeps_the_most_that_was_seen_and_forgets_it_when_told() -> None:
    seen = iter([5, 9, 7, 3])
    watch = MemoryWatch((OWN,), lambda _: next(seen))
    for _ in range(3):
        watch.look()
    assert watch.start_anew() == 9
    watch.look()
    assert watch.peak_bytes == 3


def test_a_watch_looks_while_something_is_done_and_once_at_its_end() -> None:
    seen: list[int] = []

    def look(_: object) -> int:
        seen.append(1)
        return len(seen)

    watch = MemoryWatch((OWN,), look)
    with watch.watching():
        pass
    assert len(seen) >= 1
    assert watch.peak_bytes == len(seen)


def test_without_processes_nothing_is_watched() -> None:
    watch = MemoryWatch((), lambda _: 1)
    with watch.watching():
        watch.look()
    assert watch.peak_bytes is None


# Storage


def test_the_folder_of_an_open_file_may_be_the_storage(tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    with (tmp_path / "storage" / "index").open("wb"), (tmp_path / "log").open("wb"):
        shown = [storage.shown for storage in find_storage((OWN,))]
    assert tmp_path / "storage" in shown
    assert shown.index(tmp_path / "storage") < shown.index(tmp_path)


def test_open_files_are_found_where_this_process_can_open_them(tmp_path: Path) -> None:
    with (tmp_path / "index").open("wb") as index:
        index.write(b"x" * 10)
        index.flush()
        found = {file.shown: file.path for file in open_files((OWN,))}
        assert found[tmp_path / "index"].read_bytes() == b"x" * 10


def test_a_folder_of_too_many_files_is_not_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_module, "MOST_FILES", 3)
    for number in range(4):
        (tmp_path / str(number)).touch()
    with (tmp_path / "0").open("rb"):
        assert tmp_path not in [storage.shown for storage in find_storage((OWN,))]


def test_room_and_age_of_files(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "old").write_bytes(b"x" * 1000)
    os.utime(tmp_path / "below" / "old", (1, 1))
    (tmp_path / "new").write_bytes(b"x" * 70)
    storage = Storage(tmp_path, tmp_path)
    assert storage.bytes_since(100) == 70
    assert storage.bytes_since(0) == 1070
    assert storage.allocated_bytes() >= 0


def test_files_leave_the_systems_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # written out for real, on a real disk
    folder = Path(__file__).parent / "__pycache__" / f"cache-{os.getpid()}"
    folder.mkdir(parents=True)
    path = folder / "file"
    try:
        began_s = time.time() - 1
        path.write_bytes(os.urandom(1 << 20))
        with path.open("rb") as file:
            os.fsync(file.fileno())
        dropped = Storage(folder, folder).drop_from_cache(began_s)
        assert dropped.file_bytes == 1 << 20
        assert dropped.left_bytes is None or dropped.left_bytes < 1 << 19
    finally:
        path.unlink()
        folder.rmdir()


# Hardware


def test_this_machine_is_told() -> None:
    machine = hardware()
    assert machine.cores >= 1
    assert machine.memory_bytes is not None
    assert machine.memory_bytes > 100_000_000
    assert machine.kernel.startswith("Linux ")
    assert machine.processor


def test_a_machine_that_tells_nothing_is_told_so(tmp_path: Path) -> None:
    machine = hardware(tmp_path)
    assert machine.memory_bytes is None
    assert machine.processor


@pytest.mark.parametrize(
    ("name", "turning", "model", "shown"),
    [
        ("sda", "1", "WDC WD40", "/dev/sda, WDC WD40, hard disk"),
        ("nvme0n1", "0", "", "/dev/nvme0n1, SSD"),
        ("vda", "1", "", "/dev/vda, virtual disk"),
    ],
)
def test_disks_are_told_by_kind(tmp_path: Path, name: str, turning: str, model: str, shown: str) -> None:
    device = tmp_path.stat().st_dev
    block = tmp_path / "devices" / name
    (block / "queue").mkdir(parents=True)
    (block / "queue" / "rotational").write_text(turning)
    if model:
        (block / "device").mkdir()
        (block / "device" / "model").write_text(f"{model}\n")
    (tmp_path / f"{os.major(device)}:{os.minor(device)}").symlink_to(block)
    assert disk_of(tmp_path, tmp_path) == shown


def test_a_disk_the_system_does_not_know_is_told_so(tmp_path: Path) -> None:
    assert disk_of(tmp_path, tmp_path) == "not told"
    assert disk_of(tmp_path / "absent") == "not told"
