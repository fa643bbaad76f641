"""The arrival grammar where another program's loop generates: HuggingFace's ``generate`` and vLLM.

Knows joint ids (text below ``offset``, music from there) and the grammar; does not know models. The
same ``ArrivalGrammar`` as in our own loop says which ids may come next: what it forbids gets -inf,
all text included, so that a piece is always one that can be written. There is no window here: the
whole piece is in the model's context, and times are below the vocabulary's 100 s.

    model.generate(ids, logits_processor=[hf_processor(rules)])
    LLM(folder, logits_processors=["cantilena.systems.arrival.processors:VllmProcessor"])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cantilena.errors import InputError, MissingExtraError
from cantilena.systems.arrival.grammar import ArrivalGrammar, instruments_of
from cantilena.systems.arrival.piece import TIME, ArrivalPiece
from cantilena.tokens.arrival.vocab import AMT, ArrivalVocabulary

if TYPE_CHECKING:
    from torch import Tensor

ARGUMENT = "cantilena"
"""Key of a vLLM request's ``extra_args`` that holds its ``Rules``' fields."""


@dataclass(frozen=True)
class Rules:
    """What holds for a piece. ``offset``: the model's id of arrival token 0. ``instruments``: only
    these (0-127, 128 drums), ``excluded``: none of these; ``most``: how many at most, drums among
    them. ``seconds``: no note sounds beyond, and then ``end_id`` is all that may follow (the
    model's id of SEPARATOR by default). ``vocabulary`` is the published one by default.

    Raises InputError where no instrument is left or the time is not above 0.
    """

    offset: int
    instruments: tuple[int, ...] | None = None
    excluded: tuple[int, ...] = ()
    most: int | None = None
    seconds: float | None = None
    end_id: int | None = None
    vocabulary: ArrivalVocabulary = AMT

    def __post_init__(self) -> None:
        if self.offset < 0:
            raise InputError(f"music cannot begin at id {self.offset}")
        if self.seconds is not None and not self.seconds > 0:
            raise InputError(f"a piece of {self.seconds} seconds will not do")
        instruments_of(self.instruments, self.excluded, self.vocabulary)
        ArrivalGrammar(self.most, self.vocabulary)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Rules:
        """Rules of plain data, as a request over HTTP has them. Raises InputError for names that
        are not fields, or values of another kind."""
        names = {"offset", "instruments", "excluded", "most", "seconds", "end_id"}
        unknown = sorted(set(data) - names)
        if unknown or "offset" not in data:
            wrong = f"unknown {unknown[0]!r}" if unknown else "no 'offset'"
            raise InputError(f"{wrong} in the rules; known: {', '.join(sorted(names))}")
        try:
            values: dict[str, Any] = {
                k: int(data[k]) for k in ("offset", "most", "end_id") if data.get(k) is not None
            }
            for name in ("instruments", "excluded"):
                if data.get(name) is not None:
                    values[name] = tuple(int(i) for i in data[name])
            if data.get("seconds") is not None:
                values["seconds"] = float(data["seconds"])
        except (TypeError, ValueError) as e:
            raise InputError(f"the rules cannot be read: {e}") from e
        return cls(**values)

    @property
    def end(self) -> int:
        """The id that ends a piece."""
        own = self.offset + self.vocabulary.separator
        return own if self.end_id is None else self.end_id

    @property
    def playing(self) -> frozenset[int]:
        """The instruments that may play."""
        return instruments_of(self.instruments, self.excluded, self.vocabulary)


@dataclass(frozen=True)
class Allowed:
    """Ids ``first`` .. ``last`` - 1 may come next, with ``bias`` (last - first,) added to their
    logits, None for 0; no other id may."""

    first: int
    last: int
    bias: np.ndarray | None = None

    def apply(self, logits: Tensor) -> Tensor:
        """The logits (V,) under it, a new tensor. Raises InputError where the model is too
        small."""
        if self.last > logits.shape[-1]:
            raise InputError(
                f"the rules reach id {self.last - 1:,} of a model of {logits.shape[-1]:,} tokens: "
                "the offset is another model's"
            )
        masked = logits.new_full(logits.shape, float("-inf"))
        kept = logits[self.first : self.last]
        if self.bias is not None:
            import torch

            kept = kept + torch.from_numpy(self.bias).to(kept)
        masked[self.first : self.last] = kept
        return masked


class Follower:
    """Follows one sequence of joint ids and says what may come next. It reads only what is new
    since it was last asked, or all again where what it had read has changed."""

    def __init__(self, rules: Rules):
        self.rules = rules
        self.grammar = ArrivalGrammar(rules.most, rules.vocabulary)
        self._forget()

    def _forget(self) -> None:
        self.read: list[int] = []  # music ids so far, the flag first
        self.done = False
        end = self.rules.seconds
        steps = None if end is None else round(end * self.rules.vocabulary.resolution)
        self.piece = ArrivalPiece(
            end=steps, vocabulary=self.rules.vocabulary, playing=self.rules.playing
        )

    def allowed(self, ids: Sequence[int]) -> Allowed:
        """What may follow ``ids``, a prompt of text and the music so far. Without music it is the
        flag AUTOREGRESS; behind the piece's end, the end alone."""
        start = self.rules.offset
        music = [k - start for k in ids[_first(ids, start) :]]
        if music[: len(self.read)] != self.read:
            self._forget()
        for token in music[len(self.read) :]:
            self._take(token)
        if not self.read:
            flag = start + self.rules.vocabulary.autoregress
            return Allowed(flag, flag + 1)
        if self.done:
            return Allowed(self.rules.end, self.rules.end + 1)
        return self._next()

    def _next(self) -> Allowed:
        piece, slot = self.piece, self.piece.slot
        bias = self.grammar.bias(0, piece, ())
        full = bias is not None and not np.isfinite(bias).any()
        if full or (slot == TIME and not self.grammar.free(piece)):
            # nothing is left, as when 100 s are full, or nobody to play it: the piece is over
            return Allowed(self.rules.end, self.rules.end + 1)
        first, last = self.grammar.span(slot)
        return Allowed(first + self.rules.offset, last + self.rules.offset, bias)

    def _take(self, token: int) -> None:
        """Takes up one token behind the offset."""
        v, flag = self.rules.vocabulary, not self.read
        self.read.append(token)
        if flag or self.done:
            return
        if token >= v.separator or token < 0:
            self.done = True  # another piece begins, or text again
            return
        if v.control <= token:
            self._take_control(token)
            return
        first, last = self.grammar.span(self.piece.slot)
        if not first <= token < last:
            raise InputError(f"arrival token {token} cannot stand where it stands in the music")
        value = token - first
        if self.piece.slot == TIME and self.grammar.ends(self.piece, [value]):
            self.done = True
            return
        self.piece.push(value)

    def _take_control(self, token: int) -> None:
        """Controls of a prompt: they are no part of the piece, but their instruments sound."""
        v = self.rules.vocabulary
        number = token - v.control - v.note
        if 0 <= number < v.notes:
            self.piece.instruments.add(number // v.pitches)


def _first(ids: Sequence[int], offset: int) -> int:
    """Where the music begins: the first id of it, or the end."""
    return next((k for k, i in enumerate(ids) if i >= offset), len(ids))


# ---------------------------------------------------------------------------- transformers


def hf_processor(rules: Rules | Sequence[Rules]) -> Any:
    """A ``LogitsProcessor`` for ``generate``: the same rules for all rows, or one for each. Rows of
    a batch may begin with padding. Raises MissingExtraError without transformers."""
    try:
        from transformers import LogitsProcessor
    except ImportError as e:
        raise MissingExtraError("transformers", "hf", "generating with transformers") from e

    class ArrivalProcessor(LogitsProcessor):
        """Masks scores by the grammar, row by row."""

        def __init__(self) -> None:
            self.rules = rules
            self.followers: list[Follower] = []

        def __call__(self, input_ids: Any, scores: Any) -> Any:
            """(B, T) ids and (B, V) scores to the scores under the rules."""
            import torch

            count = len(input_ids)
            if len(self.followers) != count:
                each = [rules] * count if isinstance(rules, Rules) else list(rules)
                if len(each) != count:
                    raise InputError(f"{len(each)} rules for {count} rows")
                self.followers = [Follower(r) for r in each]
            rows = zip(self.followers, input_ids.tolist(), scores, strict=True)
            return torch.stack([f.allowed(ids).apply(row) for f, ids, row in rows])

    return ArrivalProcessor()


# ---------------------------------------------------------------------------- vLLM


class RequestProcessor:
    """vLLM's per-request callable: (prompt ids, output ids, logits) to logits."""

    def __init__(self, rules: Rules):
        self.follower = Follower(rules)

    def __call__(self, prompt_ids: list[int], output_ids: list[int], logits: Tensor) -> Tensor:
        """The logits (V,) under the rules, written in place as vLLM expects."""
        mask = self.follower.allowed([*prompt_ids, *output_ids])
        logits.copy_(mask.apply(logits))
        return logits


def rules_of_request(params: Any) -> Rules | None:
    """The rules in a vLLM ``SamplingParams``'s ``extra_args``, None where there are none."""
    rules = (getattr(params, "extra_args", None) or {}).get(ARGUMENT)
    if rules is None:
        return None
    if not isinstance(rules, Mapping):
        raise InputError(f"{ARGUMENT!r} in extra_args must be an object with an 'offset'")
    return Rules.from_dict(rules)


def vllm_processor() -> type:
    """The class for vLLM's ``logits_processors``: each request's rules are in its ``extra_args``,
    as {"cantilena": {"offset": 128256, "instruments": [0, 128], "seconds": 30}}; a request without
    is left alone. Raises MissingExtraError without vLLM."""
    try:
        from vllm.v1.sample.logits_processor import (  # type: ignore[import-not-found]
            AdapterLogitsProcessor,
        )
    except ImportError as e:
        raise MissingExtraError("vllm", "vllm", "generating with vLLM") from e

    class VllmProcessor(AdapterLogitsProcessor):
        """Wraps a ``RequestProcessor`` for each request that asks for one."""

        @classmethod
        def validate_params(cls, sampling_params: Any) -> None:
            """Refuses impossible rules when a request comes in, as vLLM wants it: ValueError."""
            try:
                rules_of_request(sampling_params)
            except InputError as e:
                raise ValueError(str(e)) from e

        def is_argmax_invariant(self) -> bool:
            """No: what was likeliest may be forbidden."""
            return False

        def new_req_logits_processor(self, params: Any) -> RequestProcessor | None:
            """A new request's processor."""
            rules = rules_of_request(params)
            return None if rules is None else RequestProcessor(rules)

    return VllmProcessor


def __getattr__(name: str) -> Any:
    """``VllmProcessor`` by name, as vLLM looks it up, made when it is asked for."""
    if name == "VllmProcessor":
        return vllm_processor()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
