"""MuseCoco's first stage: texts with known attributes, training, and a Brief that a model read."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from cantilena import api  # noqa: E402
from cantilena.cli import main  # noqa: E402
from cantilena.errors import BriefError, CheckpointError, InputError, Notice  # noqa: E402
from cantilena.models.saving import load_tensors  # noqa: E402
from cantilena.models.text_attributes import TextToAttributes  # noqa: E402
from cantilena.systems.attributes import phrases  # noqa: E402
from cantilena.systems.attributes.reader import AttributeReader  # noqa: E402
from cantilena.systems.attributes.reader_training import ReaderTraining, reader_recipe  # noqa: E402
from cantilena.systems.attributes.text_batches import (  # noqa: E402
    LONGEST,
    TextBatches,
    reading_by,
    tokenizer_of,
)
from cantilena.systems.attributes.texts import (  # noqa: E402
    KEYS,
    NAMES,
    SINGLE,
    VALUES,
    targets,
    text_of,
)
from cantilena.systems.attributes.wishes import classes_of  # noqa: E402
from cantilena.text.brief import parse_brief  # noqa: E402
from cantilena.text.wishes import Brief  # noqa: E402

ROWS = 120
WORDS = "piano violin drums without no slow fast in minor major 3/4 4/4 bars 8 happy sad and with"


def bert(folder: Path) -> Path:
    """A BERT of two layers and a tokenizer of few words, as the hub has them."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    known = ["[PAD]", *(f"[unused{i}]" for i in range(60)), "[UNK]", *WORDS.split()]
    inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate(known)}, unk_token="[UNK]"))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words = PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="[UNK]", pad_token="[PAD]")
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.BertConfig(vocab_size=ROWS, intermediate_size=16, **sizes)
    transformers.BertModel(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def text_model(tmp_path_factory) -> Path:
    return bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def checkpoint(text_model: Path, tmp_path_factory) -> Path:
    """A reader that answers the same to every text: piano, no drums, minor, fast, 5 to 8 bars."""
    training = ReaderTraining()
    model, _ = training.build(reader_recipe().changed(text_model=str(text_model)))
    answers = {"I1s2_0": 0, "I1s2_27": 1, "K1": 1, "T1s1": 2, "B1s1": 1}
    for head, value in zip(model.classifieratt, targets(answers).tolist(), strict=True):
        head.get_parameter("weight").data.zero_()
        head.get_parameter("bias").data[value] = 5.0
    return model.save(tmp_path_factory.mktemp("reader") / "tiny", {}, tokenizer_of(text_model))


# ------------------------------------------------------------------ texts


def test_sixty_attributes_in_the_published_order():
    assert len(KEYS) == 60 and KEYS[28:31] == ("R1", "R3", "S2s1") and KEYS[-1] == "TM1"
    assert VALUES[28:31] == (3, 4, 18) and set(SINGLE) < set(KEYS)


def test_phrasings_that_are_held_out_are_in_no_text_to_learn_from():
    assert set(phrases.TRAINED) == set(phrases.HELD_OUT)
    for key, patterns in phrases.HELD_OUT.items():
        assert not set(patterns) & set(phrases.TRAINED[key])
        assert all(p.count("{}") == (key[:2] not in ("R1", "R3")) for p in patterns)


def test_a_text_says_what_it_is_labelled_with():
    """By the rules, where they read a number, a metre or a mode at all."""
    for seed in range(150):
        text, told = text_of(np.random.default_rng(seed))
        read = classes_of(parse_brief(text))
        for key in ("B1s1", "TS1s1", "K1"):
            assert key not in read or key not in told or read[key] == told[key], (text, key)
        bars = re.search(r"(\d+)(-bar| bars| measures)", text)
        assert bars is None or told["B1s1"] == (int(bars[1]) - 1) // 4
        assert (targets(told) < np.array(VALUES)).all()
        said = sum(k < n - 1 for k, n in zip(targets(told).tolist(), VALUES, strict=True))
        assert said == len(told) > 0


def test_batches_depend_on_seed_and_step_alone(text_model: Path):
    words = reading_by(tokenizer_of(text_model))
    one = TextBatches(words).draw(5, 4)
    again = TextBatches(words).draw(5, 4)
    assert all(np.array_equal(one[name], again[name]) for name in one)
    assert not np.array_equal(one["targets"], TextBatches(words, 1).draw(5, 4)["targets"])
    assert one["ids"].shape == one["mask"].shape and one["targets"].shape == (4, 60)
    assert [bool(batch["new"]) for batch in TextBatches(words).fixed(2, 2)] == [False] * 2 + [
        True
    ] * 2


# ------------------------------------------------------------------ training


def test_a_reader_learns(text_model: Path):
    training, words = ReaderTraining(), reading_by(tokenizer_of(text_model))
    recipe = reader_recipe().changed(text_model=str(text_model), layers=1, rate=0.02, dropout=0.0)
    model, _ = training.build(recipe)
    assert len(model.bert.encoder.layer) == 1
    (optimiser,) = training.optimisers(model, recipe)
    assert sum(len(g["params"]) for g in optimiser.param_groups) == len(list(model.parameters()))
    batch = {k: torch.as_tensor(x) for k, x in TextBatches(words).draw(0, 8).items()}
    before, after = 0.0, 0.0
    for i in range(12):
        nats, logged = training.loss(model, batch)
        before, after = (nats.item() if not i else before), nats.item()
        assert logged["attribute"].item() == pytest.approx(nats.item() / 60)
        optimiser.zero_grad()
        nats.backward()
        optimiser.step()
    assert after < 0.7 * before


def test_a_smaller_bert_may_begin_with_random_weights(text_model: Path):
    recipe = reader_recipe().changed(text_model=str(text_model), width=32, dropout=0.0)
    model, _ = ReaderTraining().build(recipe)
    config = model.bert.config
    assert (config.hidden_size, config.num_attention_heads, config.intermediate_size) == (
        32,
        1,
        128,
    )
    assert model.bert.embeddings.word_embeddings.weight.std() > 0.1 > config.hidden_dropout_prob
    with pytest.raises(InputError, match="multiple of 32"):
        reader_recipe().changed(text_model=str(text_model), width=33)


def run(capsys: Any, *argv: str) -> tuple[int, str, str]:
    return main(list(argv)), *capsys.readouterr()


def test_the_command_trains_and_a_checkpoint_reads(text_model: Path, tmp_path: Path, capsys: Any):
    argv = ["train", "--system", "text-to-attributes", "--out", str(tmp_path / "run")]
    more = ["--text-model", str(text_model), "--steps", "2", "--batch", "2"]
    code, out, err = run(capsys, *argv, *more)
    assert code == 0 and "new phrasings" in out, err
    reader = AttributeReader.load(tmp_path / "run", "cpu")
    assert reader.name == "run" and len(reader.classes(["piano", "slow"])) == 2
    for wrong, problem in (
        (["--data", "x"], "leave out --data"),
        (["--notes", "3"], "--notes is not an option of --system text-to-attributes"),
    ):
        code, _, err = run(capsys, *argv, *more, *wrong)
        assert code == 2 and problem in err
    code, _, err = run(capsys, *argv[:-1], str(tmp_path / "b"), "--steps", "1")
    assert code == 2 and "say which BERT" in err and not (tmp_path / "b").exists()


def test_dropout_is_that_of_the_whole_model(text_model: Path):
    recipe = reader_recipe().changed(text_model=str(text_model), dropout=0.0)
    model, read = ReaderTraining().build(recipe)
    ids, mask = map(torch.from_numpy, read(["slow piano in minor"]))
    with torch.no_grad():
        once, again = (torch.cat(model.train()(ids, mask), 1) for _ in range(2))
    assert torch.equal(once, again)


def test_queries_of_a_pretrained_bert_begin_as_the_names_of_attributes(text_model: Path):
    """Its unused words may be nearly equal, and queries that are alike do not learn."""
    model, _ = ReaderTraining().build(reader_recipe().changed(text_model=str(text_model)))
    bert, words = transformers.BertModel.from_pretrained(text_model), tokenizer_of(text_model)
    table = bert.embeddings.word_embeddings.weight
    rows = model.bert.embeddings.word_embeddings.weight
    for name in ("piano", "violin", "bars"):
        k = NAMES.index(name)
        assert torch.equal(rows[1 + k], table[words.get_vocab()[name]])
    assert torch.equal(rows[61:], table[61:]) and len(NAMES) == len(KEYS)


@pytest.mark.parametrize("name", ["hashed", "folder"])
def test_a_text_model_may_stay_as_it_is(name: str, text_model: Path, tmp_path: Path, capsys: Any):
    """Queries alone are trained and saved; a copy of the run reads the same."""
    place, out = str(text_model) if name == "folder" else name, tmp_path / "run"
    argv = ["train", "--system", "text-to-attributes", "--text-model", place, "--out", str(out)]
    argv += ["--option", "frozen=true", "--steps", "3", "--batch", "4", "--rate", "0.01"]
    code, printed, err = run(capsys, *argv)
    assert code == 0 and "new phrasings" in printed, err
    weights = load_tensors(out / "model" / "model.safetensors")
    assert weights and all(key.startswith(("bridge.", "heads.")) for key in weights)
    reader = AttributeReader.load(out, "cpu")
    assert reader.name == "run" and reader.model.values == list(VALUES)
    texts = ["piano", "slow violin in 3/4", ""]
    assert reader.classes(texts) == AttributeReader.load(out / "model", "cpu").classes(texts)
    apart = [
        abs(a - b).max()
        for a, b in zip(
            reader.model(*map(torch.from_numpy, reader.tokens(texts[:1]))),
            reader.model(*map(torch.from_numpy, reader.tokens(texts[1:2]))),
            strict=True,
        )
    ]
    assert max(apart) > 0
    code, _, err = run(capsys, *argv, "--option", "width=32")
    assert code == 2 and "taken whole" in err


def test_what_cannot_be_a_text_model_is_refused_in_a_line(tmp_path: Path, capsys: Any):
    argv = ["train", "--system", "text-to-attributes", "--out", str(tmp_path / "run")]
    (tmp_path / "empty").mkdir()
    for name, problem in (
        ("hashed", "add --option frozen=true"),
        ("nobody", "unknown text encoder 'nobody'"),
        (str(tmp_path / "empty"), "config.json or model.safetensors is missing"),
        (str(tmp_path / "none"), "no folder here"),
    ):
        for frozen in ((), ("--option", "frozen=true")):
            if name == "hashed" and frozen:
                continue
            code, out, err = run(capsys, *argv, "--text-model", name, *frozen)
            assert code != 0 and problem in err and err.count("\n") == 1, err
            assert out == "" and not (tmp_path / "run").exists()
    code, _, err = run(
        capsys, "train", "--data", "x", "--out", str(tmp_path / "run"), "--text-model", "minilm"
    )
    assert code == 2 and "--text-model is of --system text-to-attributes" in err


# ------------------------------------------------------------------ reading


def test_a_brief_says_who_read_it(checkpoint: Path):
    brief = api.make_brief("whatever", reader=checkpoint, tempo=140)
    assert brief.read_by == "tiny" and brief.text == "whatever"
    assert [i.name for i in brief.instruments] == ["piano"] and 128 in brief.excluded
    assert brief.key == "A minor" and brief.tempo == 140 and brief.bars_range == (5, 8)
    assert Brief.from_dict(json.loads(json.dumps(brief.to_dict()))) == brief
    assert "read_by" not in parse_brief("piano").to_dict()
    with pytest.raises(BriefError, match="read already"):
        api.make_brief(brief, reader=checkpoint)


def test_a_text_that_is_too_long_is_cut_with_a_notice(checkpoint: Path):
    reader = AttributeReader.load(checkpoint)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reader.read("piano " * LONGEST)
    with pytest.warns(Notice, match=f"longer than the context of {LONGEST} tokens"):
        reader.read("slow piano. " + "violin " * LONGEST)


def test_compose_takes_a_reader(checkpoint: Path, tmp_path: Path, capsys: Any):
    argv = ["compose", "lovely tune", "--reader", str(checkpoint), "--bars", "5"]
    code, out, err = run(capsys, *argv, "-o", str(tmp_path), "--formats", "mid,json")
    assert code == 0 and "read by tiny" in out, err
    data = json.loads((tmp_path / "lovely-tune.json").read_text())
    assert data["request"]["brief"]["read_by"] == "tiny"
    code, out, err = run(capsys, "brief", "lovely tune", "--reader", str(checkpoint))
    assert code == 0 and json.loads(out)["key"] == "A minor"
    replay = ["compose", "--replay", str(tmp_path / "lovely-tune.json"), "-o", str(tmp_path / "n")]
    code, _, err = run(capsys, *replay, "--reader", str(checkpoint))
    assert code == 2 and "leave out --reader" in err
    code, out, err = run(capsys, *replay, "--formats", "mid")
    again = (tmp_path / "n" / "lovely-tune.mid").read_bytes()
    assert code == 0 and again == (tmp_path / "lovely-tune.mid").read_bytes(), err
    there = str(tmp_path / "m")
    code, _, err = run(capsys, "compose", "x", "--reader", str(tmp_path), "-o", there)
    assert code != 0 and "Traceback" not in err and not (tmp_path / "m").exists()


def test_a_reader_of_other_attributes_is_refused(text_model: Path, tmp_path: Path):
    model = TextToAttributes(
        transformers.BertModel.from_pretrained(text_model, add_pooling_layer=False), [3, 4]
    )
    model.save(tmp_path / "two", {}, tokenizer_of(text_model))
    with pytest.raises(CheckpointError, match="tells 2 attributes"):
        AttributeReader.load(tmp_path / "two")


def test_a_text_model_of_another_kind_is_refused(tmp_path: Path):
    import tiny_hf

    folder = tiny_hf.saved(tiny_hf.llama(), tmp_path / "llama", tiny_hf.tokenizer())
    with pytest.raises(CheckpointError, match="no BERT"):
        ReaderTraining().build(reader_recipe().changed(text_model=str(folder)))
