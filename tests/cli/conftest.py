"""What tests of several commands stand on: a system that needs no model, and an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from cantilena import loading
from fakes import FakeSystem


@pytest.fixture
def composer(monkeypatch: pytest.MonkeyPatch) -> FakeSystem:
    """Stands in for whichever checkpoint is loaded."""
    fake = FakeSystem()
    monkeypatch.setattr(loading, "_loaded", lambda *args: fake)
    return fake


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
