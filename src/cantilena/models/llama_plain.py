"""A text model with music rows as a plain causal LM on disk: written for other programs, and read.

Knows folders, tokenizers and row counts; does not know sampling or training. The layout is that in
which MIDI-LLM was published: the music rows stand behind the text rows, id = text vocabulary +
arrival token. vLLM, llama.cpp and transformers load such a folder as any other Llama.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cantilena.errors import CheckpointError, InputError
from cantilena.models.checkpoint import is_checkpoint, open_checkpoint, save_checkpoint
from cantilena.models.hub import dtype_of, loading, need
from cantilena.models.llama_music import INSTRUCTION, SYSTEM, LlamaMusic, piece_ends
from cantilena.models.published import save_model, save_tokenizer
from cantilena.tokens.arrival.vocab import AMT, ArrivalVocabulary

LLAMA_TEXT = 128_256
"""Tokens of Llama 3.2's text vocabulary."""
MIDI_LLM_MUSIC = 55_030
"""Music rows of MIDI-LLM: AMT's 55,028 and two more."""
SAMPLING = {"do_sample": True, "temperature": 1.0, "top_p": 0.98, "max_new_tokens": 2_046}
"""How MIDI-LLM's authors sample."""


@dataclass
class Plain:
    """A plain model with what is needed to use it. ``offset``: its id of arrival token 0."""

    model: Any
    tokenizer: Any
    offset: int
    vocabulary: ArrivalVocabulary
    instruction: str


def music_token(token: int) -> str:
    """How an arrival token is spelled in an exported tokenizer."""
    return f"<|arrival:{token}|>"


def export_plain(
    model: LlamaMusic,
    folder: str | Path,
    tokenizer: Any = None,
    dtype: Any = None,
    add_tokens: bool = True,
) -> Path:
    """Writes the folded model, generation settings, and the tokenizer with a token
    ``<|arrival:N|>`` for each music row and SEPARATOR as its end (``add_tokens``; else the text's
    own, and only the id offset in the card says where music begins, the settings what ends it).

    Raises CheckpointError where the tokenizer has more tokens than the model has text rows, other
    than those of music; InputError where it has those of music and is to be without
    (``add_tokens``).
    """
    transformers = need("transformers", "export")
    has_music = tokenizer is not None and _has_music(tokenizer, model.offset)
    if has_music and not add_tokens:
        raise InputError(
            "the tokenizer has music tokens already, as that of an export: leave out --no-tokens, "
            "or name the text model's own by --tokenizer"
        )
    plain = model.folded()
    if dtype is not None:
        plain = plain.to(dtype_of(dtype))
    has_tokenizer = tokenizer is not None
    plain.config.eos_token_id = piece_ends(
        model.text.config, tokenizer, model.offset, model.vocabulary
    )
    plain.generation_config = transformers.GenerationConfig(
        bos_token_id=tokenizer.bos_token_id if has_tokenizer else plain.config.bos_token_id,
        eos_token_id=plain.config.eos_token_id,
        pad_token_id=tokenizer.pad_token_id if has_tokenizer else None,
        **SAMPLING,
    )
    wide = tokenizer
    if has_tokenizer and not has_music:
        if len(tokenizer) > model.offset:
            raise CheckpointError(
                f"wrong tokenizer: {len(tokenizer):,} tokens for {model.offset:,} text rows"
            )
        if add_tokens:
            wide = with_music(tokenizer, model.offset, model.n_music)
            # what programs that know one end alone take, as llama.cpp: that of the music
            wide.eos_token = music_token(model.vocabulary.separator)

    def write(stage: Path) -> None:
        save_model(plain, stage)
        if wide is not None:
            save_tokenizer(wide, stage)

    card = {
        "system": SYSTEM,
        "name": Path(folder).resolve().name,
        "scheme": model.vocabulary.to_dict(),
        "model": {
            "layout": "plain",
            "offset": model.offset,
            "music": model.n_music,
            "instruction": model.instruction,
        },
    }
    return save_checkpoint(folder, card, write).folder


def _has_music(tokenizer: Any, offset: int) -> bool:
    """Whether a tokenizer has the tokens of ``with_music``, as that of an imported export has."""
    return tokenizer.get_vocab().get(music_token(0)) == offset


def with_music(tokenizer: Any, offset: int, music: int) -> Any:
    """A copy of a tokenizer with special tokens for ``music`` rows from id ``offset`` on; ids
    between its own and ``offset`` are filled."""
    import copy

    from tokenizers import AddedToken

    wide = copy.deepcopy(tokenizer)
    filling = [f"<|unused:{k}|>" for k in range(len(wide), offset)]
    spelled = filling + [music_token(k) for k in range(music)]
    tokens = [AddedToken(t, normalized=False, special=True) for t in spelled]
    wide.add_tokens(tokens, special_tokens=True)
    if wide.convert_tokens_to_ids(music_token(0)) != offset:
        raise CheckpointError(
            f"wrong tokenizer: its ids have gaps, so that music would begin at "
            f"{wide.convert_tokens_to_ids(music_token(0)):,}, not {offset:,}"
        )
    return wide


def read_plain(
    name: str | Path,
    tokenizer: str | Path | None = None,
    offset: int | None = None,
    vocabulary: ArrivalVocabulary | None = None,
    device: Any = None,
    dtype: Any = None,
    revision: str | None = None,
) -> Plain:
    """A plain model by hub name or folder: one of ours, or MIDI-LLM's 128,256 + 55,030 rows.

    ``offset``: where music begins; by default what our card says, else Llama 3.2's text vocabulary
    where the rows fit it. ``tokenizer``: where the text model's is, if not in the same place.
    Raises CheckpointError where weights are missing or gated or have other rows.
    """
    transformers = need("transformers", f"the system {SYSTEM!r}")
    keys = {} if revision is None else {"revision": revision}
    part: Mapping[str, Any] = {}
    if is_checkpoint(name):
        checkpoint = open_checkpoint(name, SYSTEM)
        name, part = checkpoint.folder, checkpoint.model
        vocabulary = vocabulary or ArrivalVocabulary.from_dict(dict(checkpoint.card["scheme"]))
    vocabulary = vocabulary or AMT
    with loading("music model", name):
        model = transformers.AutoModelForCausalLM.from_pretrained(
            str(name), dtype=dtype_of(dtype), **keys
        )
    with loading("tokenizer", tokenizer or name, "the system 'amt' needs none"):
        words = transformers.AutoTokenizer.from_pretrained(str(tokenizer or name), **keys)
    rows = model.get_input_embeddings().weight.shape[0]
    start = offset if offset is not None else part.get("offset")
    start = _offset(rows, vocabulary, words) if start is None else int(start)
    if rows - start < vocabulary.size:
        raise CheckpointError(
            f"wrong vocabulary size: {name} has {rows:,} rows; with {start:,} of text and "
            f"{vocabulary.size:,} of music it should have {start + vocabulary.size:,} or more"
        )
    model = model.eval() if device is None else model.eval().to(device)
    return Plain(model, words, start, vocabulary, str(part.get("instruction", INSTRUCTION)))


def _offset(rows: int, vocabulary: ArrivalVocabulary, tokenizer: Any) -> int:
    """Where music begins in a model without our card."""
    spare = MIDI_LLM_MUSIC - AMT.size
    for text in (LLAMA_TEXT, len(tokenizer)):
        if 0 <= rows - text - vocabulary.size <= spare:
            return text
    raise CheckpointError(
        f"wrong vocabulary size: {rows:,} rows are neither {LLAMA_TEXT + MIDI_LLM_MUSIC:,} as in "
        f"MIDI-LLM nor the tokenizer's {len(tokenizer):,} and {vocabulary.size:,} of music; say "
        "where music begins"
    )


def import_plain(name: str | Path, **settings: Any) -> tuple[LlamaMusic, Any]:
    """The split model of a plain one, to be trained further, and its tokenizer. ``settings`` and
    errors as ``read_plain``."""
    plain = read_plain(name, **settings)
    source = {"name": str(name), "revision": settings.get("revision"), "start": "imported"}
    split = LlamaMusic.unfolded(
        plain.model, plain.offset, plain.vocabulary, source, plain.instruction
    )
    return split, plain.tokenizer
