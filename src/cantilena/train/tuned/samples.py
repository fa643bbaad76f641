"""Pieces written while a run goes on, to be listened to.

Knows the systems, a few descriptions and a folder; does not know the loss. MIDI always, WAV where
sound is asked for; with tensorboard or trackio the sound is logged there too. The model that is
trained stays as it was: a run with samples has the losses of one without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from cantilena.models.restoring import restored
from cantilena.score.midi import write_midi
from cantilena.systems.arrival.writing import Order, new_score, write

TOKENS = 600
RATE = 44_100


class Samples(TrainerCallback):
    """Every ``every`` steps, a piece for each of ``texts`` (None: without a text), always with the
    same seeds: ``samples/step-N/K.mid`` and ``.wav`` in the run's folder. ``sampler`` gives the
    generating system of ``model``."""

    def __init__(
        self,
        folder: Path,
        model: Any,
        sampler: Callable[[], Any],
        texts: Sequence[str | None],
        every: int,
        reports: Sequence[str] = (),
        tokens: int = TOKENS,
    ):
        self.folder, self.model, self.sampler = folder, model, sampler
        self.texts, self.every, self.reports, self.tokens = texts, every, reports, tokens

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Writes the pieces where it is time."""
        if not state.is_world_process_zero or state.global_step % self.every:
            return
        with restored(self.model):
            system = self.sampler()
            if system is not None:
                self._write(system, state.global_step)

    def _write(self, system: Any, step: int) -> None:
        orders = [Order(t, seed=k, tokens=self.tokens) for k, t in enumerate(self.texts)]
        place = self.folder / "samples" / f"step-{step}"
        place.mkdir(parents=True, exist_ok=True)
        for k, written in enumerate(write(system, orders)):
            score = new_score(written.events)
            write_midi(score, place / f"{k}.mid")
            self._sound(score, place / f"{k}.wav", k, step)

    def _sound(self, score: Any, path: Path, number: int, step: int) -> None:
        from cantilena.render.audio import render_audio

        if not len(score):
            return
        sound = render_audio(score, path, RATE)
        if "tensorboard" in self.reports:
            from torch.utils.tensorboard import SummaryWriter

            with SummaryWriter(str(self.folder / "samples" / "tensorboard")) as writer:
                mono = sound.samples.mean(1)[None]
                writer.add_audio(f"sample/{number}", mono, step, sound.rate)
        if "trackio" in self.reports:
            import trackio  # type: ignore[import-not-found]

            trackio.log({f"sample/{number}": trackio.Audio(str(path))}, step=step)
