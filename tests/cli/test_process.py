"""The process around a command: standard streams that are closed, full or without a reader, and
signals that end it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cantilena import files
from cantilena.cli import main
from cantilena.score.midi import write_midi
from cantilena.score.score import Score, Track

pytestmark = pytest.mark.skipif(
    os.name != "posix", reason="the shell's and the signals are POSIX's"
)
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a MIDI file, whose tokens are more than a pipe or a stream buffers."""
    monkeypatch.chdir(tmp_path)
    n = 900
    notes = ([6 * i for i in range(n)], [6] * n, [60 + i % 12 for i in range(n)], [80] * n, [0] * n)
    write_midi(Score.build(24, [Track("piano", 0)], *notes), tmp_path / "x.mid")
    (tmp_path / "out").mkdir()
    return tmp_path


def run(command: str, to: str = "") -> subprocess.CompletedProcess[str]:
    """A command with the shell's redirections ``to``."""
    line = f'"{sys.executable}" -m cantilena {command} {to}'
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60)


DESCRIBE, RENDER = "describe x.mid", "render x.mid --formats musicxml"


@pytest.mark.parametrize("command", [DESCRIBE, f"{DESCRIBE} --json", RENDER, "--help"])
@pytest.mark.parametrize("to", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_no_fault(here, command, to):
    done = run(command, to)
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) == (to in ("2>&-", "<&-"))
    if command == RENDER:
        assert (here / "out" / "x.musicxml").read_text().endswith("</score-partwise>\n")


def test_errors_never_go_to_standard_output(here):
    done = run("describe none.mid", "2>&-")
    assert (done.returncode, done.stdout) == (2, "")


def test_prompts_of_an_input_that_is_closed(here):
    done = run("compose -", "<&-")
    assert done.returncode == 2
    assert done.stderr == "cantilena: standard input holds no prompts; write one text a line\n"


@FULL
@pytest.mark.parametrize("command", [DESCRIBE, f"{DESCRIBE} --json", "tokens x.mid"])
def test_a_full_disk_for_what_is_printed_is_said_in_one_line(here, command):
    done = run(command, ">/dev/full")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("cantilena: ") and "No space left on device" in done.stderr


@FULL
def test_work_is_not_given_up_for_messages_that_cannot_be_written(here):
    os.rename("x.mid", "x:y.mid")  # so that there is something to say
    done = run("render x:y.mid --formats musicxml", "2>/dev/full")
    assert (done.returncode, done.stderr) == (0, "")
    assert (here / "out" / "x_y.musicxml").exists()


@pytest.mark.parametrize("command", [DESCRIBE, "tokens x.mid", "--help"])
def test_a_reader_that_goes_away_is_met_with_silence(here, command):
    done = run(command, "2>err | true; cat err >&2")
    assert done.stderr == ""
    with subprocess.Popen(
        [sys.executable, "-m", "cantilena", *command.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout
        process.stdout.close()
        assert process.wait(60) in (0, 1)


# ---------------------------------------------------------------------------- signals

SLOW_PICTURE = """
import sys, time
from cantilena.cli import main
from cantilena.render import roll
def slow(score, path, **_):
    path.write_bytes(b"half")
    print("drawing", flush=True)
    time.sleep(60)
roll.draw_roll = slow
sys.exit(main(sys.argv[1:]))
"""
DRAW = [sys.executable, "-c", SLOW_PICTURE, "render", "x.mid", "--formats", "musicxml,png"]


def drawing(here: Path, argv: list[str]) -> subprocess.Popen[str]:
    """A process that is half-way through a picture."""
    (here / "tmp").mkdir()
    process = subprocess.Popen(
        argv,
        env={**os.environ, "TMPDIR": str(here / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdout.readline() == "drawing\n"
    assert len(os.listdir("out")) == 1  # the hidden folder, so that its going means something
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_leaves_no_temporary_files(here, number, code):
    process = drawing(here, DRAW)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code and errors.endswith("cantilena: stopped\n")
    assert os.listdir("out") == os.listdir("tmp") == []


def test_nohup_stays_deaf_to_a_hangup(here):
    process = drawing(here, ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *DRAW])
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 143 and os.listdir("out") == []


@pytest.mark.parametrize("at", ["rmtree", "unlink"])
def test_a_stop_that_strikes_while_tidying_leaves_nothing(here, monkeypatch, at):
    """The first removal is cut short by a signal, after the work was done."""
    owner = shutil if at == "rmtree" else Path
    remove, signals = getattr(owner, at), [signal.SIGTERM]

    def stopped(path, *args, **options):
        if signals and files._is_temporary(Path(path).name):
            os.kill(os.getpid(), signals.pop())
        return remove(path, *args, **options)

    monkeypatch.setattr(owner, at, stopped)
    assert main(["render", "x.mid", "--formats", "musicxml", "--quiet"]) == 143
    assert not signals
    assert not [name for name in os.listdir("out") if name.startswith(".")]
    assert files._temporary == {}


def test_what_another_thread_writes_stays(tmp_path):
    stranger = tmp_path / ".cantilena-0.part"
    stranger.touch()
    files._temporary[stranger] = -1
    try:
        files.remove_temporary()
        assert stranger.exists()
    finally:
        del files._temporary[stranger]
