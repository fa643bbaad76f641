"""The processes of a run: what launchers really start, the warning of one that is alone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cantilena.train.tuned import processes

SCRIPT = """
import sys
from cantilena.train.tuned import processes
row = [processes.world(), processes.agreed(f"of {processes.is_first()}", False),
       processes.launch_warning(), processes.any_of(not processes.is_first(), False)]
sys.stdout.write(f"{row}\\n")  # in one piece: several processes write to one pipe
sys.stdout.flush()
"""


def launched(tmp_path, *command: str) -> list[list]:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-m", *command, str(tmp_path / "script.py")],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [eval(line) for line in done.stdout.splitlines()]


def test_torchrun_starts_two_which_agree(tmp_path):
    pytest.importorskip("accelerate")
    command = ("torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    assert launched(tmp_path, *command) == [[2, "of True", "", True]] * 2


@pytest.mark.parametrize("asked", [1, 2])
def test_one_process_where_accelerate_was_asked_for_two_warns(tmp_path, asked: int):
    pytest.importorskip("accelerate")
    launcher = ("accelerate.commands.launch", "--cpu", "--num_machines", "1")
    more = ("--mixed_precision", "no", "--dynamo_backend", "no", "--num_processes", str(asked))
    ((world, value, warning, late),) = launched(tmp_path, *launcher, *more)
    assert world == 1 and value == "of True" and not late
    assert ("torchrun --nproc_per_node" in warning) == (asked == 2)


def test_a_process_without_a_launcher_has_no_warning(monkeypatch):
    for name in ("WORLD_SIZE", "RANK", "MASTER_ADDR", "ACCELERATE_MIXED_PRECISION"):
        monkeypatch.delenv(name, raising=False)
    assert (processes.world(), processes.is_first(), processes.launch_warning()) == (1, True, "")
