"""What can be trained: the interface between a system and the two drivers of training.

Knows run settings, options as data, and recipes; does not know models, data sets or drivers, and
imports no torch: the command line reads its options from here. A system's ``Trainable`` stands in a
file of its own in the system's folder and is named in the registry (``Spec.trains``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, asdict, dataclass, field, fields, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from cantilena.errors import InputError, UnknownNameError
from cantilena.systems import SYSTEMS

if TYPE_CHECKING:
    import torch

TEXT = "text"
"""A text model alone, before it becomes part of a system: trained as systems are, but none."""
CODES = "codes"
"""A language model over a codec's codes, which makes sound with that codec alone."""
READER = "text-to-attributes"
"""What reads classes of attributes out of a text: trained as systems are, but none."""
JOINT = "joint"
"""A joint embedding of sound and texts, which finds and judges music but makes none."""
CODEC = "codec"
"""A codec of sound, whose codes systems write: trained as systems are, but none."""


def trainables() -> dict[str, str]:
    """Everything that can be trained, by name, with where its ``Trainable`` is: the systems whose
    line in the registry says so, a text model, a reader, codecs, models of codes and joint
    embeddings."""
    lines = {name: line.trains for name, line in SYSTEMS.items() if line.trains}
    others = {
        TEXT: "cantilena.systems.arrival.training.text:TextTraining",
        CODEC: "cantilena.systems.codec.training:CodecTraining",
        CODES: "cantilena.systems.codes.training:CodeTraining",
        READER: "cantilena.systems.attributes.reader_training:ReaderTraining",
        JOINT: "cantilena.systems.joint.training:JointTraining",
    }
    return lines | others


# ------------------------------------------------------------------ options as data


def option(
    default: Any,
    help: str = "",
    *,
    choices: Sequence[str] = (),
    least: float | None = None,
    most: float | None = None,
    metavar: str = "",
    flag: str = "",
    group: str = "",
    free: bool = False,
) -> Any:
    """A dataclass field with what the command line and the checks want to know. ``least`` and
    ``most``: the smallest and the largest value; ``flag``: the option's name where it is not the
    field's; ``free``: whether it may change when a run goes on. A field without ``help`` has no
    option."""
    about = {
        "help": help,
        "choices": tuple(choices),
        "least": least,
        "most": most,
        "metavar": metavar,
        "flag": flag,
        "group": group,
        "free": free,
    }
    return field(default=default, metadata=about)


class Checked:
    """Base of dataclasses of options: kinds, choices and least values are checked when one is made;
    InputError says what is wrong."""

    def __post_init__(self) -> None:
        for entry in fields(self):  # type: ignore[arg-type]
            _check(entry, getattr(self, entry.name))

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)  # type: ignore[call-overload]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Any:
        """What ``to_dict`` wrote. Raises InputError for names and values that cannot be."""
        odd = sorted(set(data) - names(cls))
        if odd:
            raise InputError(f"the run has settings of another version: {', '.join(odd)}")
        return cls(**data)


_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "bool": (bool,),
}


def _check(entry: Field[Any], value: Any) -> None:
    """Raises InputError for a value that a field cannot have."""
    kind, _, other = str(entry.type).partition(" | ")
    if kind not in _TYPES or (value is None and other == "None"):
        return
    finite = not isinstance(value, float) or abs(value) < float("inf")
    if type(value) not in _TYPES[kind] or not finite:
        raise InputError(f"{entry.name} must be a value of the kind {kind}, not {value!r}")
    choices, least, most = (entry.metadata.get(k) for k in ("choices", "least", "most"))
    if choices and value not in choices:
        raise InputError(f"unknown {entry.name} {value!r}; known: {', '.join(choices)}")
    if least is not None and value < least:
        raise InputError(f"{entry.name} of {value:g} is less than {least:g}")
    if most is not None and value > most:
        raise InputError(f"{entry.name} of {value:g} is more than {most:g}")


# ------------------------------------------------------------------ settings of a run

PRECISIONS = ("auto", "float32", "bfloat16")
_WHILE = "while it runs"
_HOW = "adaptation"


@dataclass(frozen=True)
class Settings(Checked):
    """What every training run has, whatever is trained.

    The run ends after ``steps`` updates, ``notes`` trained on or ``minutes`` of training, whichever
    comes first of those that are not None. ``warmup`` and ``valid_every`` are in notes where the
    budget is, else in steps. The peak ``rate`` comes after the warm-up; then it is held and falls
    to zero over the last ``decay`` (share of the budget), or, where that is None, along a cosine.
    An update takes ``batch`` examples over all processes, in ``accumulate`` parts. The state is
    saved every ``save_every`` steps (0: not by steps) or ``save_minutes``, where the run is stopped
    and at its end; a tuned run with ``save_every`` 0 saves none at its end, so that it cannot be
    lengthened. The newest ``keep`` stay. ``precision`` "auto" is what the machine has instructions
    for, decided when a run begins.
    """

    steps: int | None = option(None, "updates", least=1, metavar="N", free=True)
    notes: float | None = option(None, "notes to train on", least=1, metavar="N", free=True)
    minutes: float | None = option(None, "end after so long", least=0, metavar="M", free=True)
    batch: int = option(16, "examples of an update, in all", least=1, metavar="B")
    accumulate: int = option(1, "parts of a batch", least=1, metavar="A", free=True)
    rate: float = option(1e-5, "peak learning rate", metavar="R")
    warmup: float = option(500, "steps up to the peak", least=0, metavar="N")
    decay: float | None = option(None, "share over which the rate falls", least=0, metavar="P")
    weight_decay: float = option(0.01, least=0)
    beta2: float = option(0.999, least=0)
    clip: float = option(1.0, least=0)
    seed: int = option(
        0, "order of examples, first weights", least=0, most=2**32 - 1, metavar="N"
    )  # numpy's, which HuggingFace's trainer seeds too, takes no more
    precision: str = option(
        "auto", "auto, float32 or bfloat16", choices=PRECISIONS, group=_HOW, free=True
    )
    valid_every: float = option(
        1_000, "steps between validations", least=1, metavar="N", group=_WHILE, free=True
    )
    save_every: int = option(
        0, "steps between checkpoints (0: none)", least=0, metavar="N", group=_WHILE, free=True
    )
    save_minutes: float | None = option(None, least=0, free=True)
    keep: int = option(2, least=1, free=True)
    log_every: int = option(
        10, "steps between lines of the log", least=1, metavar="N", group=_WHILE, free=True
    )
    workers: int = option(
        0, "processes that make batches", least=0, metavar="N", group=_WHILE, free=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.rate < 1:
            raise InputError(f"a learning rate of {self.rate:g} is outside 0-1")
        if self.beta2 >= 1:
            raise InputError(f"a beta2 of {self.beta2:g} will not do: it is a share below 1")
        if self.decay is not None and self.decay > 1:
            raise InputError(f"a decay of {self.decay:g} is outside 0-1")
        if self.minutes is not None and self.minutes <= 0:
            raise InputError(f"{self.minutes:g} minutes are no time to train in")
        if self.steps is None and self.notes is None:
            raise InputError("say after how many steps or notes the run ends")
        if self.batch % self.accumulate:
            raise InputError(
                f"a batch of {self.batch} examples does not divide into {self.accumulate} parts"
            )


@dataclass(frozen=True)
class Recipe:
    """A run's whole settings: of which system, how it runs, and the system's own options."""

    system: str
    settings: Settings
    options: Any

    def __post_init__(self) -> None:
        trainable(self.system).check(self)

    def changed(self, **changes: Any) -> Recipe:
        """The same with other values of settings and options, by name. Raises InputError for a name
        that is of neither, and for values that cannot be."""
        settings = {k: v for k, v in changes.items() if k in names(Settings)}
        options = {k: v for k, v in changes.items() if k not in settings}
        odd = sorted(set(options) - names(self.options))
        if odd:
            raise InputError(f"the system {self.system!r} has no option {odd[0]!r}")
        return Recipe(
            self.system, replace(self.settings, **settings), replace(self.options, **options)
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data: ``system``, ``settings``, ``options``."""
        return {
            "system": self.system,
            "settings": self.settings.to_dict(),
            "options": self.options.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Recipe:
        """The recipe ``to_dict`` wrote. Raises InputError where it cannot be one."""
        try:
            system = data["system"]
            settings = Settings.from_dict(data["settings"])
            return cls(system, settings, trainable(system).Options.from_dict(data["options"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"these are no settings of a run: {error!r}") from error


def names(of: Any) -> set[str]:
    """The names of a dataclass's fields."""
    return {entry.name for entry in fields(of)}


def check_same(old: Recipe, new: Recipe, folder: str | Path) -> None:
    """Raises InputError where values differ that a run cannot change when it goes on."""
    if old.system != new.system:
        raise InputError(
            f"the run in {str(folder)!r} is of the system {old.system!r}, not {new.system!r}"
        )
    for one, two in ((old.settings, new.settings), (old.options, new.options)):
        for entry in fields(one):
            before, after = getattr(one, entry.name), getattr(two, entry.name)
            if before != after and not entry.metadata.get("free"):
                raise InputError(
                    f"the run in {str(folder)!r} has {entry.name} {before!r}, not {after!r}; leave "
                    "the option out or give another folder"
                )


# ------------------------------------------------------------------ the interface

Collate = Callable[[Sequence[Any]], Mapping[str, Any]]
Model = TypeVar("Model")


class Trainable(Protocol):
    """How a system is trained. Three drivers take it: ``train.note`` (our loop, for the note
    model), ``train.audio`` (the same for models of sound, which have several optimisers, and for
    SymphonyNet) and ``train.tuned`` (HuggingFace's Trainer, for DDP, FSDP and QLoRA).

    Making one imports nothing heavy, since the command line reads ``Options`` and ``recipes``."""

    system: ClassVar[str]
    driver: ClassVar[str]
    """"note", "audio" or "tuned"."""
    Options: ClassVar[Any]
    """A frozen dataclass of ``option`` fields, a subclass of ``Checked``."""

    def recipes(self) -> Mapping[str, Callable[[], Recipe]]:
        """What makes each of the system's recipes, by name; the first is its default."""
        ...

    def check(self, recipe: Recipe) -> None:
        """Raises InputError for settings and options that do not go together."""
        ...

    def check_models(self, recipe: Recipe) -> None:
        """Raises InputError where a model that the run begins with is not named. Asked by
        ``train.tuned`` before anything is loaded."""
        ...

    def build(self, recipe: Recipe) -> tuple[Any, Any]:
        """(model, tokenizer or None) to be trained. Raises InputError, CheckpointError."""
        ...

    def collators(self, recipe: Recipe, model: Any, tokenizer: Any) -> tuple[Collate, Collate]:
        """What makes batches of examples, for training and for validation."""
        ...

    def loss(self, model: Any, batch: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """What is minimised, of a batch on the model's device, and what is logged of it."""
        ...

    def held_out(self, model: Any, batch: Mapping[str, Any]) -> Mapping[str, torch.Tensor]:
        """(2,) of a validation batch, by what is held out ("music", "text and music"): the nats of
        all its tokens, and their number. The first can be compared between systems. Asked by
        ``train.tuned``; our loop has measures of its own."""
        ...

    def optimisers(self, model: Any, recipe: Recipe) -> list[torch.optim.Optimizer] | None:
        """The optimisers with their groups of parameters; None for the driver's own AdamW."""
        ...

    def sampler(self, model: Any, tokenizer: Any) -> Any | None:
        """The generating system of a model in training, None where it writes no music."""
        ...

    def save(
        self,
        folder: Path,
        model: Any,
        state: Mapping[str, Any],
        companion: Any,
        card: Mapping[str, Any],
    ) -> Path:
        """Writes a checkpoint of the weights ``state``, by the model's names; ``companion``: what
        else it needs, as a tokenizer; ``card`` holds what the driver knows (sources, licence,
        figures, seed, training)."""
        ...


@cache
def trainable(name: str) -> Trainable:
    """How a system is trained. Raises UnknownNameError."""
    homes = trainables()
    if name not in homes:
        raise UnknownNameError("system", name, homes)
    module, _, attribute = homes[name].partition(":")
    return getattr(import_module(module), attribute)()


def tuned() -> dict[str, Trainable]:
    """What ``cantilena finetune`` can train, by name."""
    all_of = {name: trainable(name) for name in trainables()}
    return {name: one for name, one in all_of.items() if one.driver == "tuned"}


def recipes() -> dict[str, Callable[[], Recipe]]:
    """Every recipe of what ``cantilena finetune`` can train, by name."""
    return {name: make for one in tuned().values() for name, make in one.recipes().items()}


def recipe(name: str) -> Recipe:
    """A recipe's settings. Raises UnknownNameError."""
    makers = recipes()
    if name not in makers:
        raise UnknownNameError("recipe", name, makers)
    return makers[name]()


def default_recipe(system: str) -> Recipe:
    """The recipe of a system where none is named. Raises UnknownNameError."""
    systems = tuned()
    if system not in systems:
        raise UnknownNameError("system", system, systems)
    return next(iter(systems[system].recipes().values()))()
