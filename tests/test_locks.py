"""Locks: one process or thread at a time, freed when it ends, waited for where asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cantilena.errors import InputError
from cantilena.locks import lock

HOLD = """
import sys
from cantilena.locks import lock
with lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """A process that holds a folder until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdout.readline() == "held\n"
    return process


def test_a_folder_has_one_process_at_a_time(tmp_path: Path):
    process = holder(tmp_path)
    with pytest.raises(InputError, match="another process is writing to"), lock(tmp_path):
        pytest.fail("two have it")
    process.communicate("")
    with lock(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_kill_frees_the_folder(tmp_path: Path):
    process = holder(tmp_path)
    process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    process.communicate()
    with lock(tmp_path), pytest.raises(InputError), lock(tmp_path):
        pytest.fail("two have it")
    assert list(tmp_path.iterdir()) == []


def test_one_thread_at_a_time_has_a_folder(tmp_path: Path):
    inside, most, entered = 0, 0, 0
    guard = threading.Lock()

    def work():
        nonlocal inside, most, entered
        for _ in range(300):
            try:
                with lock(tmp_path):
                    with guard:
                        inside, entered = inside + 1, entered + 1
                        most = max(most, inside)
                    with guard:
                        inside -= 1
            except InputError:
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1 and entered > 1


def test_who_waits_gets_it_as_soon_as_it_is_free(tmp_path: Path):
    process = holder(tmp_path)
    with pytest.raises(InputError, match="another process"), lock(tmp_path, wait=0.2):
        pytest.fail("two have it")
    threading.Timer(0.3, process.communicate, ("",)).start()
    start = time.monotonic()
    with lock(tmp_path, wait=60):
        assert 0.1 < time.monotonic() - start < 30
    assert list(tmp_path.iterdir()) == []


def test_things_in_a_folder_are_held_on_their_own(tmp_path: Path):
    with lock(tmp_path, "a"), lock(tmp_path, "b"), lock(tmp_path):
        pass
    with lock(tmp_path, "a"), pytest.raises(InputError), lock(tmp_path, "a"):
        pytest.fail("two have it")
    assert list(tmp_path.iterdir()) == []
