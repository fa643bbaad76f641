"""The training loop of the note model: optimisers, schedule, validation, checkpoints that resume.

Knows the model and the crops; does not know how the data set was made or how weights are shipped
(``train/export.py``). Matrices inside the trunk's blocks and the heads are trained by Muon (Jordan
et al. 2024), everything else by AdamW. The rate is warmed up, held, then brought to zero
over the last notes (warm-up, stable, decay: Hu et al. 2024, MiniCPM, section 4), so a run can be
stopped, resumed and lengthened without having known its end.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cantilena.errors import CheckpointError
from cantilena.models.step_lm import StepConfig, StepLM
from cantilena.tokens.note import FIELDS, NoteScheme, conditions, context
from cantilena.train.note.crops import ARRAYS, FULL, GUESSED, CropConfig, Crops, stack
from cantilena.train.note.feed import feed
from cantilena.train.note.habits import write_facts
from cantilena.train.note.measure import CHANGES
from cantilena.train.note.muon import Muon


@dataclass(frozen=True)
class TrainConfig:
    """One run. ``notes`` is the whole budget of training steps' positions, ``minutes`` that of time
    spent on them (what is spent first ends the run), ``decay`` the share of the budget over which
    the rate falls to zero; ``batch`` examples of ``crop.length`` steps, made by ``workers``
    processes."""

    notes: float = 25e6
    minutes: float | None = None
    batch: int = 4
    rate: float = 3e-3  # AdamW; Muon's is on the same scale (match_rms_adamw)
    warmup: float = 0.4e6
    decay: float = 0.68
    weight_decay: float = 0.02
    clip: float = 1.0
    seed: int = 1
    crop: CropConfig = field(default_factory=CropConfig)
    weights: tuple[tuple[str, float], ...] = (("groove", 0.5), ("mutopia", 3.0), ("game", 2.0))
    compile: bool = True
    workers: int = 0
    save_minutes: float = 5.0
    valid_notes: float = 2e6
    valid_windows: int = 64


def note_config(**sizes: int) -> StepConfig:
    """The note system's model config; ``sizes`` override width, layers, heads, hidden, ..."""
    scheme = NoteScheme()
    base = StepConfig(
        fields=scheme.sizes,
        state=dict(context.STATE),
        at_onset=dict(context.AT_ONSET),
        at_instrument=dict(context.AT_INSTRUMENT),
        scalars=dict(conditions.SCALARS),
        slots=conditions.SLOTS,
        slot_size=conditions.NO_INSTRUMENT + 1,
        words=conditions.WORDS,
        buckets=conditions.BUCKETS,
    )
    return replace(base, **sizes)


def spent(notes: float, config: TrainConfig, seconds: float = 0.0) -> float:
    """Share of the budget, of notes or of time, that is spent; the run ends at 1."""
    by_clock = seconds / (60 * config.minutes) if config.minutes else 0.0
    return max(notes / config.notes, by_clock)


def rate_at(notes: float, config: TrainConfig, seconds: float = 0.0) -> float:
    """Share of the peak rate, 0-1, after ``notes`` notes and ``seconds``."""
    up = min(1.0, notes / max(config.warmup, 1.0))
    left = max(0.0, 1 - spent(notes, config, seconds))
    return up * min(1.0, left / max(config.decay, 1e-9))


def optimisers(model: nn.Module, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """Muon for matrices of the trunk's blocks and the heads, AdamW for embeddings, norms, biases,
    outputs and the text encoder: its gradients are small, and Muon, which makes every update as
    large as any other, let its states grow alike for all texts. The encoder's blocks go at a fifth
    of the rate, the size of Muon's updates."""
    matrices, others, encoder = [], [], []
    for name, p in model.named_parameters():
        if name.startswith("text.blocks."):
            encoder.append(p)
        elif name.startswith(("blocks.", "heads.")) and "logits" not in name and p.ndim == 2:
            matrices.append(p)
        else:
            others.append(p)
    half = half_is_quick(str(matrices[0].device.type))
    muon = Muon(matrices, lr=config.rate, weight_decay=config.weight_decay, half=half)
    groups = [
        {"params": others, "share": 1.0, "weight_decay": 0.0},
        {"params": encoder, "share": 0.2, "weight_decay": config.weight_decay},
    ]
    groups = [g for g in groups if g["params"]]
    adam = torch.optim.AdamW(groups, lr=config.rate, betas=(0.9, 0.98), fused=True)
    return [muon, adam]


def tensors(
    batch: Mapping[str, np.ndarray | Tensor], device: str = "cpu", names: Sequence[str] = ARRAYS
) -> list[Tensor]:
    """The named arrays of a batch on a device, by default those of the model in its order and the
    mask last; integers become int64 there."""
    moved = [torch.as_tensor(batch[name]).to(device, non_blocking=True) for name in names]
    return [x if x.is_floating_point() else x.long() for x in moved]


@cache
def half_is_quick(device: str) -> bool:
    """Whether bfloat16 is the quicker precision. On a CPU that is tried out once, on a layer's
    forward and backward pass: with AMX it is, with AVX-512 alone it may be half slower, without
    it is some 30 times slower."""
    if device != "cpu":
        return True
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    inner = nn.Sequential(nn.Linear(256, 1408, bias=False), nn.Linear(1408, 256, bias=False))
    x = torch.zeros(8, 512, 256)
    took: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(10):
        half = bool(turn % 2)
        begun = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            y = F.silu(inner(x))
        y.float().sum().backward()
        took[half].append(time.perf_counter() - begun)
    # casts, norms and sums around the products are slower in it: it has to win clearly
    return min(took[True]) < 0.6 * min(took[False])


def mixed(device: str) -> torch.autocast:
    """bfloat16 where that is quick, else float32."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=half_is_quick(device))


@torch.no_grad()
def bits(model: nn.Module, batches: list[dict[str, np.ndarray]], device: str = "cpu") -> dict:
    """Bits per note of each field and in all, over batches; a REST's or END's bits count as onset
    bits of the notes there are."""
    total, notes = torch.zeros(5, dtype=torch.float64), 0.0
    for batch in batches:
        *inputs, mask = tensors(batch, device)
        with mixed(device):
            nll = model(*inputs)
        total += (nll.float() * mask).sum((0, 1)).double().cpu()
        notes += float(mask[..., 1].sum())
    each = (total / notes / np.log(2)).tolist()
    return {**dict(zip(FIELDS, each, strict=True)), "all": sum(each), "notes": int(notes)}


def fixed_batches(
    songs, scheme: NoteScheme, crop: CropConfig, windows: int, batch: int, seed: int = 7
) -> list[dict[str, np.ndarray]]:
    """The same windows at every call, whatever ``crop`` drops: drawn by ``seed`` from the songs."""
    crops = Crops(songs, scheme, crop)
    # a stream for each window: its song and start are drawn before anything that depends on drops
    examples = [crops.draw(np.random.default_rng([seed, i])) for i in range(windows)]
    return [stack(examples[i : i + batch]) for i in range(0, windows, batch)]


NOTHING_GIVEN = replace(FULL, nothing=1.0)
HELD = {"full": FULL, "none": NOTHING_GIVEN, "fresh": replace(FULL, fresh=1.0)}
"""What is validated: windows with all conditions, with none, and with all but nothing before them
(these again with another window's prefix, and with their own and another's text alone)."""


GUESSING = 0.1
"""Weight of the loss of guessing attributes from texts."""
TEXT = ("text.", "text_", "layer_weights")
"""Names of the weights that read the text."""


class Run:
    """A run in a folder: ``model.safetensors``, ``optimiser.safetensors``, ``state.json`` and
    ``log.jsonl``. Opening a folder that holds a run resumes it; ``measured``: for its weights
    alone, so that nothing else need be there."""

    def __init__(
        self, folder: Path, model_config: StepConfig, config: TrainConfig, measured: bool = False
    ):
        self.folder, self.config = Path(folder), config
        self.folder.mkdir(parents=True, exist_ok=True)
        self.scheme = NoteScheme()
        torch.manual_seed(config.seed)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.step, self.notes, self.seconds = 0, 0, 0.0
        self.before: dict[str, Any] = {}  # the training of the checkpoint it started from
        state_file = self.folder / "state.json"
        state = json.loads(state_file.read_text()) if state_file.exists() else None
        if state:
            model_config = StepConfig.from_dict(state["model"])
        self.model = StepLM(model_config).to(self.device)
        self.optimisers = optimisers(self.model, config)
        if state:
            self.step, self.notes = state["step"], state["notes"]
            self.seconds, self.before = state["seconds"], state.get("before", {})
            self._load(measured)

    def _load(self, measured: bool) -> None:
        try:
            self.model.load_state_dict(load_file(self.folder / "model.safetensors"))
            flat = {} if measured else load_file(self.folder / "optimiser.safetensors")
        except Exception as e:
            raise CheckpointError(f"the run in {self.folder} cannot be resumed: {e}") from e
        for k, optimiser in enumerate(self.optimisers):
            params = [p for g in optimiser.param_groups for p in g["params"]]
            for i, p in enumerate(params):
                mark = f"{k}.{i}."
                found = {n[len(mark) :]: v for n, v in flat.items() if n.startswith(mark)}
                # fused AdamW wants its step count beside the weights, too
                optimiser.state[p] = {n: v.to(self.device) for n, v in found.items()}

    def start_from(self, checkpoint: str | Path) -> None:
        """Takes the weights of a checkpoint as the first ones, all but the text encoder's where
        that is of another size. Raises CheckpointError where they are missing or do not fit."""
        try:
            card = json.loads((Path(checkpoint) / "card.json").read_text())
            weights = load_file(Path(checkpoint) / "model.safetensors")
            mine = self.model.state_dict()
            # a checkpoint of another text encoder gives all but the text's part
            kept = {k: v.float() for k, v in weights.items() if not k.startswith(TEXT)}
            whole = {k: v.float() for k, v in weights.items()}
            same = {k: v.shape for k, v in mine.items()} == {k: v.shape for k, v in whole.items()}
            text = {k: v for k, v in mine.items() if k.startswith(TEXT)}
            self.model.load_state_dict(whole if same else {**kept, **text})
            self.before = {"notes_seen": 0, **card["training"], "text_kept": same}
        except Exception as e:
            raise CheckpointError(f"the weights in {checkpoint} cannot be used: {e}") from e

    def save(self) -> None:
        """Writes the whole state: all files under other names first, so that a run that is killed
        meanwhile still has the state before."""
        flat = {}
        for k, optimiser in enumerate(self.optimisers):
            params = [p for g in optimiser.param_groups for p in g["params"]]
            for i, p in enumerate(params):
                for name, value in optimiser.state.get(p, {}).items():
                    if isinstance(value, Tensor):
                        flat[f"{k}.{i}.{name}"] = value.detach().cpu().contiguous()
        model = {k: v.detach().cpu().contiguous() for k, v in self.model.state_dict().items()}
        state = {
            **{"step": self.step, "notes": self.notes, "seconds": self.seconds},
            **{"model": self.model.config.to_dict(), "scheme": self.scheme.to_dict()},
            **{"train": asdict(self.config), "before": self.before},
        }
        save_file(model, self.folder / ".model.safetensors.part")
        save_file(flat, self.folder / ".optimiser.safetensors.part")
        (self.folder / ".state.json.part").write_text(json.dumps(state, indent=1))
        for name in ("model.safetensors", "optimiser.safetensors", "state.json"):
            os.replace(self.folder / f".{name}.part", self.folder / name)

    def log(self, **row: object) -> None:
        """Appends one line to ``log.jsonl``."""
        row = {"step": self.step, "notes": self.notes, "seconds": round(self.seconds, 1), **row}
        with open(self.folder / "log.jsonl", "a") as f:
            f.write(json.dumps(row) + "\n")

    def train(self, songs, valid, say: Callable[[str], None] = print) -> None:
        """Trains until the budget is spent. Ctrl-C saves and returns."""
        config = self.config
        write_facts(songs, self.folder)
        crops = Crops(songs, self.scheme, config.crop, dict(config.weights))
        held = {
            name: fixed_batches(valid, self.scheme, crop, config.valid_windows, 16)
            for name, crop in self._held().items()
        }
        model: Any = torch.compile(self.model) if config.compile else self.model
        clock = saved = time.monotonic()
        next_valid = self.notes + config.valid_notes if self.notes else config.valid_notes
        gpu = self.device != "cpu"
        source = feed(crops, config.batch, config.seed, self.step, config.workers, gpu)
        running: list[Tensor] = []
        # a run started in the background hears SIGTERM, not Ctrl-C; both save
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            while not self.done:
                running.append(self._step(model, next(source)))
                now = time.monotonic()
                self.seconds += now - clock
                clock = now
                if self.step % 50 == 0:
                    each = torch.stack(running).mean(0).cpu().numpy()
                    running = []
                    self.log(train=each.round(4).tolist(), bits=round(float(each.sum()), 4))
                    say(
                        f"{self.notes / 1e6:6.2f} M notes  {each.sum():6.3f} bits/note "
                        f"{self.notes / max(self.seconds, 1):6.0f} notes/s"
                    )
                if self.notes >= next_valid:
                    next_valid += config.valid_notes
                    self._validate(held, say)
                    clock = time.monotonic()
                if time.monotonic() - saved > 60 * config.save_minutes:
                    self.save()
                    saved = clock = time.monotonic()
            self._validate(held, say)
        except KeyboardInterrupt:
            say("interrupted; saving, so that the same command goes on from here")
        finally:
            signal.signal(signal.SIGTERM, before)
        self.save()

    def _held(self) -> dict[str, CropConfig]:
        length = self.config.crop.length
        return {name: replace(crop, length=length) for name, crop in HELD.items()}

    def _validate(self, held: dict, say: Callable[[str], None]) -> None:
        self.model.eval()
        found = {name: bits(self.model, batches, self.device) for name, batches in held.items()}
        for name in ("shuffled", "text_only", "other_text"):
            found[name] = bits(self.model, CHANGES[name](held["fresh"]), self.device)
        self.model.train()
        self.log(valid=found)
        say("   valid  " + "  ".join(f"{k} {v['all']:.3f}" for k, v in found.items()))

    @property
    def done(self) -> bool:
        """Whether the budget is spent."""
        return spent(self.notes, self.config, self.seconds) >= 1

    def _step(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """One update; returns the batch's bits per note by field, on the device: who looks at them
        waits for it."""
        config = self.config
        scale = rate_at(self.notes, config, self.seconds)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = config.rate * scale * group.get("share", 1.0)
        *inputs, mask = tensors(batch, self.device)
        with mixed(self.device):
            nll = model(*inputs)
        per_field = (nll * mask).sum((0, 1)) / mask[..., 1].sum()
        (per_field.sum() + GUESSING * self._guess_loss(batch)).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.step += 1
        self.notes += int(batch["mask"][..., 1].sum())
        return per_field.detach().float() / np.log(2)

    def _guess_loss(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Of guessing what the batch's windows are from texts on them, all wordings of each."""
        said, told, playing = tensors(batch, self.device, GUESSED)
        k = said.shape[1]
        repeated = (x.repeat_interleave(k, 0) for x in (told, playing))
        return self.model.guess_loss(said.flatten(0, 1), *repeated)
