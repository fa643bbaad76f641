"""Models and tokenizers on disk as transformers 4.57, transformers 5 and llama.cpp read them."""

from __future__ import annotations

import json
import os
import random
import stat
import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import tiny_hf  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.models.llama_music import LlamaMusic  # noqa: E402
from cantilena.models.llama_plain import export_plain, import_plain, music_token  # noqa: E402
from cantilena.models.plain_lm import PlainLM  # noqa: E402
from cantilena.models.published import both_ropes, save_tokenizer  # noqa: E402
from cantilena.train.tuned.init import init_music, init_text  # noqa: E402
from cantilena.train.tuned.tokenizer import make_tokenizer  # noqa: E402

SMALL, TEXT = tiny_hf.SMALL, tiny_hf.TEXT
SCALED = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 32.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
CAPTIONS = (
    "A slow sad waltz for string quartet in D minor, with rubato.",
    "lofi beat, 82 bpm, rhodes and upright bass; it doesn't swing",
    "A melodic electronic song in 4/4 with a lively tempo and an electronic mood.",
)


def read(path: Path) -> dict:
    return json.loads(path.read_text())


# ---------------------------------------------------------------------------- rope


def llama3(folder: Path) -> None:
    model = LlamaMusic(tiny_hf.llama(rope_parameters=dict(SCALED)), None, SMALL)
    export_plain(model, folder, tiny_hf.tokenizer())


def test_a_scaled_rope_is_spelled_for_both_versions(tmp_path):
    llama3(tmp_path)
    config = read(tmp_path / "config.json")
    assert config["rope_theta"] == 500_000.0
    assert config["rope_scaling"] == {k: v for k, v in SCALED.items() if k != "rope_theta"}
    again = transformers.AutoConfig.from_pretrained(tmp_path)
    assert again.rope_parameters == config["rope_parameters"] == SCALED


@pytest.mark.parametrize("kind", ["export", "text", "init"])
def test_every_llama_that_is_written_has_both_spellings(kind, tmp_path):
    plain = {"rope_type": "default", "rope_theta": 30_000.0}
    if kind == "init":
        init_text(tmp_path, CAPTIONS, "nano", 300)
        plain["rope_theta"] = 10_000.0
    elif kind == "text":
        PlainLM(tiny_hf.llama(rope_parameters=dict(plain))).save(tmp_path, card={"system": "text"})
    else:
        model = LlamaMusic(tiny_hf.llama(rope_parameters=dict(plain)), None, SMALL)
        export_plain(model, tmp_path)
    config = read(tmp_path / "config.json")
    assert config["rope_theta"] == plain["rope_theta"] and config["rope_scaling"] is None
    assert transformers.AutoConfig.from_pretrained(tmp_path).rope_parameters == plain


def test_configs_without_one_rope_stay_as_they_are():
    layered = {"rope_parameters": {"full_attention": {"rope_theta": 1.0}}}
    for config in ({"model_type": "gpt2"}, layered):
        assert both_ropes(config) == config


# ---------------------------------------------------------------------------- tokenizer


def test_the_tokenizers_class_is_one_that_both_versions_know(tmp_path):
    words = tiny_hf.tokenizer()
    words.add_special_tokens({"additional_special_tokens": ["<|note|>"]})
    save_tokenizer(words, tmp_path)
    config = read(tmp_path / "tokenizer_config.json")
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"
    # 4.57 fails on a list of extra tokens, and keeps all that it does not know as settings
    assert config["additional_special_tokens"] == ["<|note|>"]
    assert not {"extra_special_tokens", "backend", "is_local", "local_files_only"} & set(config)
    again = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert again("slow waltz <|note|>")["input_ids"] == words("slow waltz <|note|>")["input_ids"]
    assert again.extra_special_tokens == ["<|note|>"]
    assert not (tmp_path / "tokenizer.model").exists()


def test_what_a_tokenizer_gives_is_what_a_model_takes(tmp_path):
    """4.57 has its class give token types too, which a Llama's ``generate`` refuses."""
    llama3(tmp_path)
    names = read(tmp_path / "tokenizer_config.json")["model_input_names"]
    assert names == ["input_ids", "attention_mask"]
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    row = transformers.AutoTokenizer.from_pretrained(tmp_path)("slow waltz", return_tensors="pt")
    assert model.generate(**row, max_new_tokens=2, pad_token_id=0).shape[1] > row.input_ids.shape[1]


def test_the_end_of_an_export_is_the_separator(tmp_path):
    llama3(tmp_path)
    end = TEXT + SMALL.separator
    assert read(tmp_path / "generation_config.json")["eos_token_id"] == [end, 2]
    assert read(tmp_path / "config.json")["eos_token_id"] == [end, 2]
    # llama.cpp's converter looks the name up among the added tokens
    name = read(tmp_path / "tokenizer_config.json")["eos_token"]
    added = {t["content"]: t["id"] for t in read(tmp_path / "tokenizer.json")["added_tokens"]}
    assert name == music_token(SMALL.separator) and added[name] == end


def test_an_imported_export_is_exported_again(tmp_path):
    llama3(tmp_path / "one")
    model, words = import_plain(tmp_path / "one")
    assert model.text.config.eos_token_id == [2]
    export_plain(model, tmp_path / "two", words)
    for name in ("generation_config.json", "tokenizer.json", "tokenizer_config.json"):
        assert read(tmp_path / "two" / name) == read(tmp_path / "one" / name), name


def test_music_tokens_are_not_left_out_of_a_tokenizer_that_has_them(tmp_path):
    """They cannot be taken out again, so the option would be without effect."""
    llama3(tmp_path / "one")
    model, words = import_plain(tmp_path / "one")
    with pytest.raises(InputError, match=r"music tokens already.*--no-tokens"):
        export_plain(model, tmp_path / "two", words, add_tokens=False)
    assert not (tmp_path / "two").exists()
    export_plain(model, tmp_path / "two", tiny_hf.tokenizer(), add_tokens=False)
    assert "arrival" not in (tmp_path / "two" / "tokenizer.json").read_text()


# ---------------------------------------------------------------------------- files


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_weights_are_readable_as_any_new_file(tmp_path):
    before = os.umask(0o022)
    try:
        init_music(tmp_path / "music", "nano")
        init_text(tmp_path / "text", CAPTIONS, "nano", 300)
        llama3(tmp_path / "export")
        LlamaMusic(tiny_hf.llama(), None, SMALL).save(tmp_path / "split", tiny_hf.tokenizer())
    finally:
        os.umask(before)
    paths = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sum(path.suffix == ".safetensors" for path in paths) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o644}


def test_init_replaces_its_own_folder_and_no_other(tmp_path):
    for seed in (0, 1):
        init_music(tmp_path / "music", "nano", seed)
    (tmp_path / "music" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"notes\.txt"):
        init_music(tmp_path / "music", "nano")
    assert (tmp_path / "music" / "model.safetensors").is_file()
    assert [p.name for p in tmp_path.iterdir()] == ["music"]


# ---------------------------------------------------------------------------- tokenizer.model


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of a protobuf message; floats as their four bytes."""

    def varint(at: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            byte = data[at]
            value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
            if byte < 128:
                return value, at

    at = 0
    while at < len(data):
        key, at = varint(at)
        if key & 7 == 0:
            value, at = varint(at)
            yield key >> 3, value
            continue
        size, at = varint(at) if key & 7 == 2 else (4, at)
        yield key >> 3, data[at : at + size]
        at += size


def pieces(path: Path) -> list[tuple[str, float, int]]:
    """(piece, score, type) by id."""
    rows = [dict(fields(row)) for number, row in fields(path.read_bytes()) if number == 1]
    return [(r[1].decode(), struct.unpack("<f", r[2])[0], r[3]) for r in rows]


def cut(text: str, rows: list[tuple[str, float, int]]) -> list[int]:
    """SentencePiece's BPE, plainly: of all neighbours that are a piece together the one of the
    highest score is joined, the leftmost of equals; what is no piece then is spelled in bytes."""
    ids = {piece: i for i, (piece, _, _) in enumerate(rows)}
    normal = {piece: score for piece, score, kind in rows if kind == 1}
    parts = list(text.replace(" ", "\u2581"))
    while True:
        pairs = enumerate(a + b for a, b in pairwise(parts))
        scores = [(normal[pair], -i) for i, pair in pairs if pair in normal]
        if not scores:
            break
        i = -max(scores)[1]
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    spelled = (
        [part] if part in normal else [f"<0x{b:02X}>" for b in part.encode()] for part in parts
    )
    return [ids[piece] for row in spelled for piece in row]


def texts() -> list[str]:
    draw = random.Random(0)
    words = " ".join(CAPTIONS).split(" ")
    drawn = [" ".join(draw.choices(words, k=draw.randint(1, 12))) for _ in range(60)]
    scrambled = ["".join(draw.choices("".join(CAPTIONS) + "  é🎻\n", k=40)) for _ in range(60)]
    return [*CAPTIONS, *drawn, *scrambled, "  two  spaces ", "größer 🎻\t\n", "1234.5", "aaaaaaa"]


@pytest.mark.parametrize("words", [262, 320, 2_000])
def test_a_tokenizer_made_here_cuts_alike_as_a_sentencepiece_model(words, tmp_path):
    tokenizer = make_tokenizer(CAPTIONS, words)
    save_tokenizer(tokenizer, tmp_path)
    rows = pieces(tmp_path / "tokenizer.model")
    assert [piece for piece, _, _ in rows] == tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    assert [kind for _, _, kind in rows[:259]] == [2, 3, 3, *[6] * 256]
    begin = [tokenizer.bos_token_id]
    for text in texts():
        ids = tokenizer(text)["input_ids"]
        assert ids == begin + cut(text, rows), text
        assert tokenizer.decode(ids[1:]) == text


def test_music_tokens_of_an_export_are_control_pieces(tmp_path):
    init_text(tmp_path / "text", CAPTIONS, "nano", 300)
    text = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "text")
    words = transformers.AutoTokenizer.from_pretrained(tmp_path / "text")
    export_plain(LlamaMusic(text, None, SMALL), tmp_path / "plain", words)
    rows = pieces(tmp_path / "plain" / "tokenizer.model")
    assert len(rows) == len(words) + SMALL.size
    assert rows[len(words) + 7] == (music_token(7), 0.0, 3)
    wide = transformers.AutoTokenizer.from_pretrained(tmp_path / "plain")
    for text in CAPTIONS:
        assert wide(text)["input_ids"] == words(text)["input_ids"]


def test_too_few_tokens_are_named():
    with pytest.raises(InputError, match="256 bytes and 3 specials"):
        make_tokenizer(CAPTIONS, 259)
    with pytest.raises(InputError, match="no captions"):
        make_tokenizer([" "], 300)
