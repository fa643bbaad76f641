"""Networks opened from our checkpoints or from published files, and saved as ours.

Knows cards, foreign files and how they are refused; does not know what any network is built from:
who calls says how.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor, nn

from cantilena.errors import CheckpointError, InputError
from cantilena.models.checkpoint import WEIGHTS, Checkpoint, open_checkpoint, save_checkpoint
from cantilena.models.foreign import LAYOUTS, Foreign, read_foreign
from cantilena.models.saving import load_tensors, load_weights, save_tensors

Network = TypeVar("Network", bound=nn.Module)


def load_network(
    place: str | Path | Checkpoint,
    system: str,
    of_card: Callable[[Mapping[str, Any]], Network],
    of_file: Callable[[Foreign], Network],
) -> Network:
    """A network of ``system``: of a checkpoint's folder, built by ``of_card`` from the card's
    ``model``, or of a published file, by ``of_file``. Raises CheckpointError."""
    if not isinstance(place, Checkpoint) and Path(place).is_file():
        return of_file(read_foreign(place, system))
    checkpoint = open_checkpoint(place, system)
    with of_sizes(f"the card of {checkpoint.folder} is damaged"):
        network = of_card(checkpoint.model)
    load_weights(network, load_tensors(checkpoint.weights), checkpoint.folder)
    return network


@contextmanager
def of_sizes(message: str) -> Iterator[None]:
    """Turns what sizes that cannot be raise while a network is built into a CheckpointError that
    begins with ``message``."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, InputError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise CheckpointError(f"{message}: {reason}") from error


def fill(network: nn.Module, foreign: Foreign, names: Mapping[str, str]) -> None:
    """Loads published weights: ``names`` has our name of each and the published one. Raises
    CheckpointError where one is missing or of another shape."""
    lost = next((theirs for theirs in names.values() if theirs not in foreign.weights), None)
    if lost:
        raise CheckpointError(f"the weights in {foreign.path} are not whole: {lost} is missing")
    weights = {ours: foreign.weights[theirs] for ours, theirs in names.items()}
    load_weights(network, weights, foreign.path)


def save_network(
    folder: str | Path,
    system: str,
    part: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    card: Mapping[str, Any] | None = None,
    beside: Callable[[Path], Any] | None = None,
) -> Path:
    """Writes a checkpoint: ``part`` is the card's ``model``, ``card`` has further entries, and
    ``beside`` writes further files. Raises InputError."""
    entries = {"system": system, "name": Path(folder).resolve().name, "model": dict(part)}

    def write(stage: Path) -> None:
        save_tensors(stage / WEIGHTS, weights)
        if beside is not None:
            beside(stage)

    return save_checkpoint(folder, {**entries, **(card or {})}, write).folder


def origin_card(foreign: Foreign) -> dict[str, Any]:
    """The entries of a card that say where published weights came from, and their licence."""
    licence = LAYOUTS[foreign.system].licence
    return {"licence": licence, "training": {"converted from": foreign.origin()}}
