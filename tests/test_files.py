"""Files: whole or not at all, many or none, folders at once, JSON lines."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from cantilena import files
from cantilena.errors import InputError

# legal inside a JSON string, and ends of lines to str.splitlines
SEPARATORS = "\u2028\u2029\x85\x0b\x0c\x1c\x1e"


def tree(folder: Path) -> dict[str, bytes]:
    """Every file in a folder, hidden ones too."""
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


@pytest.fixture
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


class Stop(BaseException):
    """As a kill: nobody handles it."""


def failing(monkeypatch: pytest.MonkeyPatch, at: int, error: BaseException) -> list[int]:
    """Makes the rename number ``at`` (from 0) raise; gives the list of those asked for."""
    rename, calls = os.replace, []

    def replace(source, target):
        calls.append(len(calls))
        if len(calls) == at + 1:
            raise error
        rename(source, target)

    monkeypatch.setattr(os, "replace", replace)
    return calls


# ---------------------------------------------------------------------------- one file


def test_threads_that_write_to_one_path_do_not_meet(tmp_path: Path):
    path, failures = tmp_path / "x", []

    def work(letter: bytes):
        for _ in range(200):
            try:
                files.write_bytes(path, letter * 1000)
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=work, args=(letter,)) for letter in (b"a", b"b", b"c", b"d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert set(tree(tmp_path)) == {"x"} and len(set(path.read_bytes())) == 1


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_files_and_folders_have_the_mode_of_any_new_one(tmp_path: Path, usual_umask):
    files.write_bytes(tmp_path / "one", b"x")
    with files.staged_files(tmp_path, ["two"]) as stage:
        (stage / "two").write_bytes(b"x")
    with files.staged_folder(tmp_path / "three") as stage:
        (stage / "four").write_bytes(b"x")
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("one", "two")}
    assert modes == {"one": 0o644, "two": 0o644}
    assert stat.S_IMODE((tmp_path / "three").stat().st_mode) == 0o755


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_library_that_writes_privately_does_not_make_the_file_private(
    tmp_path: Path, usual_umask, umask: int, mode: int
):
    """safetensors writes to a temporary file of mode 0600 and renames it."""

    def write(path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        path.touch(mode=0o600)

    os.umask(umask)
    with files.staged_file(tmp_path / "one") as part:
        write(part)
    with files.staged_files(tmp_path, ["two"]) as stage:
        write(stage / "two")
    with files.staged_folder(tmp_path / "three") as stage:
        write(stage / "inner" / "four")
    names = ("one", "two", "three/inner/four")
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names}
    assert modes == dict.fromkeys(names, mode)


def test_content_is_on_the_disk_before_its_name(tmp_path: Path, monkeypatch):
    order: list[str] = []
    sync, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda d: (order.append("sync"), sync(d)))
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("rename"), rename(a, b)))
    files.write_bytes(tmp_path / "x", b"x")
    assert order == ["sync", "rename", "sync"]
    order.clear()
    with files.staged_files(tmp_path, "yz") as stage:
        for name in "yz":
            (stage / name).write_bytes(b"x")
    assert order == ["sync", "sync", "rename", "rename", "sync"]


def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path, monkeypatch):
    files.write_bytes(tmp_path / "x", b"old")
    with pytest.raises(ZeroDivisionError), files.staged_file(tmp_path / "x") as part:
        part.write_bytes(b"ne")
        raise ZeroDivisionError
    assert tree(tmp_path) == {"x": b"old"}
    failing(monkeypatch, 0, OSError(28, "No space left on device"))
    with pytest.raises(InputError, match=r"x' cannot be written: No space left"):
        files.write_bytes(tmp_path / "x", b"new")
    assert tree(tmp_path) == {"x": b"old"}


@pytest.fixture
def full_disk(monkeypatch):
    """A disk with room for 100 bytes more: whatever is longer is written in part."""
    whole = Path.write_bytes

    def write_bytes(path: Path, data: bytes) -> int:
        if len(data) > 100:
            whole(path, data[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return whole(path, data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, full_disk):
    """Of one file, of many of which the first had room, and of a folder; nothing half-written."""
    (tmp_path / "folder").mkdir()
    for name in ("x", "y", "folder/z"):
        (tmp_path / name).write_bytes(b"old")
    before = tree(tmp_path)
    with pytest.raises(InputError, match=r"x' cannot be written: No space left"):
        files.write_bytes(tmp_path / "x", b"new" * 100)
    with pytest.raises(InputError, match="No space left"):
        files.write_json(tmp_path / "x", ["new"] * 100)
    with pytest.raises(OSError, match="No space left"), files.staged_files(tmp_path, "xy") as stage:
        (stage / "x").write_bytes(b"new")
        (stage / "y").write_bytes(b"new" * 100)
    with (
        pytest.raises((OSError, InputError), match="No space left"),
        files.staged_folder(tmp_path / "folder") as stage,
    ):
        (stage / "z").write_bytes(b"new" * 100)
    assert tree(tmp_path) == before


def test_what_cannot_be_written_to(tmp_path: Path, monkeypatch):
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        files.write_bytes(tmp_path / "folder", b"")
    with pytest.raises(InputError, match="there is no folder"):
        files.write_bytes(tmp_path / "none" / "x", b"")
    if os.name == "posix":
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InputError, match="is a device or a pipe"):
            files.write_bytes(tmp_path / "pipe", b"")
    (tmp_path / "kept").write_bytes(b"old")
    for name in ("kept", ""):
        monkeypatch.setattr(os, "access", lambda path, _: Path(path) != tmp_path / name)  # noqa: B023
        with pytest.raises(InputError, match="cannot be written to"):
            files.write_bytes(tmp_path / "kept", b"new")
    assert (tmp_path / "kept").read_bytes() == b"old"


# ---------------------------------------------------------------------------- many files


def write_three(folder: Path) -> None:
    with files.staged_files(folder, ["a", "b", "c"]) as stage:
        for name in "abc":
            (stage / name).write_bytes(b"new")


def test_many_files_replace_what_was_there(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"old")
    write_three(tmp_path)
    assert tree(tmp_path) == dict.fromkeys("abc", b"new")


def test_a_folder_in_the_way_of_a_later_file_stops_all_before_the_work(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "b").mkdir()
    with pytest.raises(InputError, match="is a folder"), files.staged_files(tmp_path, "ab"):
        pytest.fail("the work was begun")
    assert tree(tmp_path) == {"a": b"old"} and {p.name for p in tmp_path.iterdir()} == {"a", "b"}


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("error", [OSError(13, "Permission denied"), Stop()])
def test_a_rename_that_fails_puts_all_back(tmp_path: Path, monkeypatch, at, error):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "c").write_bytes(b"older")
    failing(monkeypatch, at, error)
    with pytest.raises((InputError, Stop)):
        write_three(tmp_path)
    assert tree(tmp_path) == {"a": b"old", "c": b"older"}


def test_putting_back_where_files_cannot_have_two_names(tmp_path: Path, monkeypatch):
    def refuse(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "a").write_bytes(b"old")
    failing(monkeypatch, 1, OSError(13, "Permission denied"))
    with pytest.raises(InputError):
        write_three(tmp_path)
    assert tree(tmp_path) == {"a": b"old"}


def test_a_file_that_was_not_written_stops_all(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(InputError), files.staged_files(tmp_path, ["a", "b"]) as stage:
        (stage / "a").write_bytes(b"new")
    assert tree(tmp_path) == {"a": b"old"}


# ---------------------------------------------------------------------------- folders


def save(target: Path, content: bytes) -> None:
    with files.staged_folder(target) as stage:
        (stage / "inner").mkdir()
        (stage / "inner" / "weights").write_bytes(content)


@pytest.mark.parametrize("swaps", [True, False])
def test_a_folder_is_replaced_with_all_that_was_in_it(tmp_path: Path, monkeypatch, swaps):
    if not swaps:
        monkeypatch.setattr(files, "_swapped", lambda *_: False)
    save(tmp_path / "new" / "run", b"1")
    (tmp_path / "new" / "run" / "stale").write_bytes(b"")
    save(tmp_path / "new" / "run", b"2")
    assert tree(tmp_path) == {str(Path("new", "run", "inner", "weights")): b"2"}
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["run"]


@pytest.mark.parametrize("at", [0, 1])
def test_a_folder_is_kept_where_the_rename_fails(tmp_path: Path, monkeypatch, at):
    save(tmp_path / "run", b"1")
    monkeypatch.setattr(files, "_swapped", lambda *_: False)
    failing(monkeypatch, at, OSError(13, "Permission denied"))
    with pytest.raises(InputError, match="Permission denied"):
        save(tmp_path / "run", b"2")
    assert tree(tmp_path) == {str(Path("run", "inner", "weights")): b"1"}
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.skipif(sys.platform != "linux", reason="swaps in one step are Linux's")
def test_on_linux_there_is_no_moment_without_the_folder(tmp_path: Path, monkeypatch):
    save(tmp_path / "run", b"1")
    calls = failing(monkeypatch, 0, Stop())
    save(tmp_path / "run", b"2")
    assert calls == []


def test_a_folder_does_not_take_the_place_of_a_file(tmp_path: Path):
    (tmp_path / "run").write_bytes(b"mine")
    with pytest.raises(InputError, match="is a file"):
        save(tmp_path / "run", b"2")
    assert tree(tmp_path) == {"run": b"mine"}


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path):
    save(tmp_path / "disk" / "run", b"1")
    (tmp_path / "run").symlink_to(tmp_path / "disk" / "run")
    save(tmp_path / "run", b"2")
    assert (tmp_path / "run").is_symlink()
    assert (tmp_path / "disk" / "run" / "inner" / "weights").read_bytes() == b"2"


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="is a file, not a folder"):
            files.check_folder(place)
    assert files.check_folder(tmp_path / "not" / "yet") == tmp_path / "not" / "yet"
    assert not (tmp_path / "not").exists()


# ---------------------------------------------------------------------------- JSON


def test_lines_end_at_newlines_alone(tmp_path: Path):
    values = [{"text": f"a{c}b"} for c in SEPARATORS] + ["", 1]
    files.write_bytes(tmp_path / "x.jsonl", files.jsonl(values))
    assert files.read_jsonl(tmp_path / "x.jsonl") == list(enumerate(values, 1))


def test_blank_lines_marks_and_windows_ends_are_passed_over():
    text = files.decode(b'\xef\xbb\xbf{"a": 1}\r\n\r\n  \n{"a": 2}', "x")
    assert files.parse_jsonl(text, "x") == [(1, {"a": 1}), (4, {"a": 2})]


NOT_JSON = {
    "nan": "NaN",
    "infinity": "Infinity",
    "minus infinity": "-Infinity",
    "too large": "1e999",
    "inner nan": '{"a": [NaN]}',
    "cut off": "{",
    "deep": "[" * 100_000,
    "long number": "9" * 5000,
    "half a character": r'"\uD83d"',
}


@pytest.mark.parametrize("value", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_not_json_is_refused_with_its_line(tmp_path: Path, value):
    (tmp_path / "x.jsonl").write_text(f'{{"a": 1}}\n{value}\n')
    with pytest.raises(InputError, match=r"x\.jsonl, line 2: not JSON \(.+\)"):
        files.read_jsonl(tmp_path / "x.jsonl")
    (tmp_path / "x.json").write_text(value)
    with pytest.raises(InputError, match=r"x\.json: not JSON \(.+\)"):
        files.read_json(tmp_path / "x.json")


def test_what_is_no_text_is_refused_with_its_line(tmp_path: Path):
    (tmp_path / "x.jsonl").write_bytes(b'{"a": 1}\n"\xff"\n')
    with pytest.raises(InputError, match="line 2: not UTF-8 text"):
        files.read_jsonl(tmp_path / "x.jsonl")
    with pytest.raises(InputError, match="there is no file"):
        files.read_jsonl(tmp_path / "y.jsonl")


def test_json_goes_there_and_back(tmp_path: Path):
    value = {"a": ["ü\u2028", 1.5, None, True], "b": {"🎹": 1}}
    files.write_json(tmp_path / "x.json", value)
    assert files.read_json(tmp_path / "x.json") == value
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8")) == value
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "x.json", float("inf"))
    assert files.read_json(tmp_path / "x.json") == value
