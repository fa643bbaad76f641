"""``llama-music`` without our grammar: what is sampled, what becomes a note, what is counted."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny_hf  # noqa: E402
from cantilena.cli import main  # noqa: E402
from cantilena.decode.sampling import Sampling, choose  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.models.llama_music import LlamaMusic  # noqa: E402
from cantilena.models.llama_plain import export_plain, import_plain  # noqa: E402
from cantilena.systems.arrival import llama_music, unmasked  # noqa: E402
from cantilena.systems.base import Finished, NoteMade, Request  # noqa: E402
from cantilena.text.wishes import Brief  # noqa: E402

V, TEXT = tiny_hf.SMALL, tiny_hf.TEXT


def joint(*tokens: int) -> list[int]:
    return [TEXT + k for k in tokens]


def note(time: int, instrument: int = 0, pitch: int = 60) -> list[int]:
    return joint(V.time + time, V.duration + 5, V.note + 128 * instrument + pitch)


REST = joint(V.time + 9, V.duration, V.rest)
CONTROL = joint(V.control + V.time + 3, V.control + V.duration + 5, V.control + V.note + 60)


@pytest.mark.parametrize(
    ("ids", "notes", "invalid", "backwards"),
    [
        ([], 0, 0, 0),
        (note(1) + note(2), 2, 0, 0),
        ([*note(1), 7, 7, *note(2)], 2, 2, 0),  # words
        (note(1) + note(2)[:2], 1, 2, 0),  # cut off
        (note(1)[:1] + note(2), 1, 1, 0),  # a slip costs itself
        (note(1) + REST + note(9), 2, 0, 0),
        (note(1) + CONTROL + note(2), 2, 3, 0),
        (joint(V.autoregress, V.separator) + note(3), 1, 2, 0),
        (note(5) + note(2) + note(5), 3, 0, 1),
    ],
)
def test_valid_triples_become_notes_and_the_rest_is_counted(ids, notes, invalid, backwards):
    music = unmasked.parsed(ids, TEXT, V)
    rows = music.events.reshape(-1, 3)
    assert (len(rows), music.invalid, music.backwards) == (notes, invalid, backwards)
    assert (np.diff(rows[:, 0]) >= 0).all()


@pytest.fixture(scope="module")
def model() -> LlamaMusic:
    torch.manual_seed(0)
    return LlamaMusic(tiny_hf.llama(), None, V, instruction="you are :").eval()


@pytest.fixture(scope="module", params=["split", "plain"])
def system(request, model, tmp_path_factory):
    words = tiny_hf.tokenizer()
    if request.param == "split":
        return llama_music.of_model(model, words)
    return llama_music.LlamaMusicSystem.load(
        export_plain(model, tmp_path_factory.mktemp("plain"), words)
    )


def free(seed: int, text: str = "slow waltz", **options) -> Request:
    return Request(Brief(text), seed, None, None, "", {"tokens": 45, "unmasked": True, **options})


def whole_model(model: LlamaMusic, prompt: list[int], seed: int, tokens: int) -> list[int]:
    """A plain loop over whole passes and the joint vocabulary, as HuggingFace's ``generate``."""
    rng = np.random.default_rng([seed, 0xF4E])
    ids, sampling = [*prompt, TEXT + V.autoregress], Sampling(1.0, 0.98, best_of=1)
    ends = (TEXT + V.separator, 2)
    for _ in range(tokens):
        logits = model(torch.tensor([ids])).logits[0, -1].detach().numpy()
        value = choose(logits, sampling, rng.random())
        if value in ends:
            break
        ids.append(value)
    return ids[len(prompt) + 1 :]


@pytest.mark.parametrize("draws", [False, True])
def test_it_samples_what_a_plain_loop_over_the_joint_vocabulary_does(
    system, model, monkeypatch, draws
):
    """Also where the session draws, as on a GPU."""
    monkeypatch.setattr(system.joint, "draws", draws)
    seen: list[list[int]] = []
    parse = unmasked.parsed
    monkeypatch.setattr(
        unmasked, "parsed", lambda ids, *rest: (seen.append(list(ids)), parse(ids, *rest))[1]
    )
    system.compose([free(0), free(1, "rock"), free(2, "")])
    prompts = [list(system.prompt(t).ids) for t in ("slow waltz", "rock", None)]
    expected = [whole_model(model, p, seed, 45) for seed, p in enumerate(prompts)]
    assert sorted(seen) == sorted(expected)
    assert any(k < TEXT for ids in seen for k in ids)  # words are sampled too


@pytest.mark.parametrize("end", [2, TEXT + V.separator])
@pytest.mark.parametrize("form", ["split", "exported", "imported"])
def test_every_form_of_a_model_stops_at_the_texts_end_and_at_the_musics(form, end, model, tmp_path):
    """Also where the tokenizer's end is SEPARATOR, as that of an export."""
    words = tiny_hf.tokenizer()
    if form != "split":
        export_plain(model, tmp_path / "plain", words)
        system = llama_music.LlamaMusicSystem.load(tmp_path / "plain")
    if form == "imported":
        split, wide = import_plain(tmp_path / "plain")
        split.save(tmp_path / "split", wide)
        system = llama_music.LlamaMusicSystem.load(tmp_path / "split")
    elif form == "split":
        system = llama_music.of_model(model, words)
    joint: Any = system.joint
    head, lean = joint.head, torch.zeros(joint.size)
    lean[end] = 7.0
    joint.head = lambda hidden, first, last: head(hidden, first, last) + lean[first:last]
    facts = [result.facts for result in system.compose([free(seed) for seed in range(3)])]
    assert all(fact["early"] for fact in facts)
    assert all(fact["tokens"] < 15 for fact in facts)


def test_facts_count_what_is_degenerate(system):
    facts = system.compose([free(0)])[0].facts
    assert facts["tokens"] == 45 or facts["early"]
    assert 0 < facts["invalid_tokens"] <= facts["tokens"]
    assert {"backwards", "one_onset", "most_at_once", "still"} < set(facts)


def test_a_piece_that_ends_itself_is_early_and_piles_are_seen(model, monkeypatch):
    system = llama_music.of_model(model, tiny_hf.tokenizer())
    script = iter(note(3) * 70 + joint(V.separator))
    monkeypatch.setattr("cantilena.decode.loop.choose", lambda *_: next(script))
    system.joint.context = 400  # type: ignore[union-attr]
    result = system.compose([free(0, tokens=300)])[0]
    assert result.facts == {
        "tokens": 210, "early": True, "invalid_tokens": 0, "backwards": 0,
        "one_onset": 1.0, "most_at_once": 70, "still": True,
    }  # fmt: skip


def test_tempo_and_metre_stand_beside_the_tokens_as_in_masked_pieces(system):
    brief = Brief("slow waltz", tempo=93, metre="3/4")
    request = Request(brief, 4, None, None, "", {"tokens": 45, "unmasked": True})
    result = system.compose([request])[0]
    assert result.score.bpm == pytest.approx(93, abs=0.01)
    assert result.score.metre_num.tolist() == [3]
    assert {row.wish: row.met for row in result.rows} == {"tempo": True, "metre": True}


def test_streams_and_seeds(system):
    first = [event for _, event in system.run([free(4)])]
    again = system.compose([free(3), free(4)])[1]
    assert isinstance(first[-1], Finished) and first[-1].result.score == again.score
    assert sum(isinstance(event, NoteMade) for event in first) == len(again.score)


def test_masks_and_no_masks_are_refused_together(system):
    for option in ({"most": 2}, {"compatible": True}):
        with pytest.raises(InputError, match="no masks"):
            system.compose([free(0, **option)])


def test_the_command(model, tmp_path, capsys):
    folder = model.save(tmp_path / "run", tiny_hf.tokenizer())
    argv = ["generate", "--system", "llama-music", "--checkpoint", str(folder), "--tokens", "30"]
    argv += ["--n", "2", "-o", str(tmp_path / "out"), "--unmasked", "--quiet"]
    assert main(argv) == 0, capsys.readouterr().err
    lines = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").open()]
    assert len(lines) == 2 and all("invalid_tokens" in line for line in lines)
    assert json.loads((tmp_path / "out" / "generate.json").read_text())["options"]["unmasked"]
    assert main([*argv, "--seconds", "3"]) == 2
    assert "--seconds" in capsys.readouterr().err
    assert main(["generate", "--system", "amt", "--checkpoint", "x", "--unmasked"]) == 2
    assert "no --unmasked" in capsys.readouterr().err
