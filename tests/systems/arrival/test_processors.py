"""The grammar as a logits processor: tiny models generate legal pieces, and vLLM's part by hand."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny_hf  # noqa: E402
from cantilena.errors import InputError, MissingExtraError  # noqa: E402
from cantilena.models.llama_music import LlamaMusic  # noqa: E402
from cantilena.systems.arrival import processors  # noqa: E402
from cantilena.systems.arrival.processors import (  # noqa: E402
    Follower,
    RequestProcessor,
    Rules,
    hf_processor,
    rules_of_request,
)
from cantilena.tokens.arrival.vocab import AMT  # noqa: E402

SMALL, TEXT = tiny_hf.SMALL, tiny_hf.TEXT
END = TEXT + SMALL.separator


@pytest.fixture(scope="module")
def plain():
    torch.manual_seed(0)
    model = LlamaMusic(tiny_hf.llama(max_position_embeddings=256), None, SMALL)
    return model.folded()


def generate(model, rules, rows: int = 3, length: int = 61, seed: int = 0) -> list[list[int]]:
    """Music tokens of each row, the flag first, up to the end."""
    torch.manual_seed(seed)
    ids = torch.full((rows, 5), 7)
    mask = torch.ones_like(ids)
    mask[0, :2] = 0  # the first prompt is shorter
    out = model.generate(
        input_ids=ids,
        attention_mask=mask,
        do_sample=True,
        max_new_tokens=length,
        logits_processor=[hf_processor(rules)],
        eos_token_id=END,
        pad_token_id=0,
    )
    found = []
    for row in out[:, 5:].tolist():
        stop = row.index(END) if END in row else len(row)
        found.append([k - TEXT for k in row[:stop]])
    return found


def notes(music: list[int]) -> np.ndarray:
    assert music[0] == SMALL.autoregress
    whole = music[1 : 1 + 3 * ((len(music) - 1) // 3)]
    return np.array(whole).reshape(-1, 3)


def test_what_a_random_model_generates_is_always_legal(plain):
    for music in generate(plain, Rules(TEXT, vocabulary=SMALL)):
        time, duration, note = notes(music).T
        assert len(time) and (np.diff(time) >= 0).all() and (time < SMALL.duration).all()
        assert ((duration >= SMALL.duration) & (duration < SMALL.note)).all()
        assert ((note >= SMALL.note) & (note <= SMALL.rest)).all()
        real = note < SMALL.rest
        assert (np.diff(time) <= SMALL.resolution).all()
        assert len({(t, n) for t, n in zip(time[real], note[real], strict=True)}) == real.sum()


def test_without_it_the_same_model_is_soon_illegal(plain):
    torch.manual_seed(0)
    out = plain.generate(
        torch.full((3, 5), 7), do_sample=True, max_new_tokens=20, pad_token_id=0, eos_token_id=END
    )
    for row in out[:, 5:].tolist():
        with pytest.raises(InputError):
            Follower(Rules(TEXT, vocabulary=SMALL)).allowed(
                [TEXT + SMALL.autoregress, *(max(k, TEXT) for k in row)]
            )


def test_each_row_may_have_its_own_wishes(plain):
    wishes = ({"instruments": (1,)}, {"excluded": (0, 4)}, {"most": 1})
    each = [Rules(TEXT, vocabulary=SMALL, **w) for w in wishes]
    heard = []
    for music in generate(plain, each):
        note = notes(music)[:, 2]
        heard.append({(n - SMALL.note) // 128 for n in note[note < SMALL.rest].tolist()})
    assert heard[0] == {1} and heard[1] and not heard[1] & {0, 4} and len(heard[2]) == 1
    with pytest.raises(InputError, match="3 rules for 2 rows"):
        generate(plain, each, rows=2)


def test_a_piece_ends_at_its_time(plain):
    for music in generate(plain, Rules(TEXT, seconds=1.5, vocabulary=SMALL), length=100):
        assert len(music) < 100
        time, duration, note = notes(music).T
        assert (time < 150).all()
        assert (time + duration - SMALL.duration)[note < SMALL.rest].max() <= 150


def test_a_flag_comes_first_and_nothing_follows_the_end():
    follower = Follower(Rules(TEXT, seconds=0.5, vocabulary=SMALL))
    first = follower.allowed([3, 4])
    assert (first.first, first.last) == (TEXT + SMALL.autoregress, TEXT + SMALL.autoregress + 1)
    late = [3, 4, first.first, TEXT + 50]
    assert follower.allowed(late) == processors.Allowed(END, END + 1)
    assert follower.allowed([*late, END]) == processors.Allowed(END, END + 1)


def test_a_full_vocabulary_of_times_ends_a_piece():
    follower = Follower(Rules(0, vocabulary=SMALL))
    ids = [SMALL.autoregress]
    for k in range(3):
        ids += [k * 100, SMALL.duration + 1, SMALL.note]
    ids += [299, SMALL.duration + 1, SMALL.note]
    assert follower.allowed(ids).first == SMALL.time
    for k in range(1, 70):
        ids += [299, SMALL.duration + 1, SMALL.note + k]
    assert follower.allowed(ids) == processors.Allowed(SMALL.separator, SMALL.separator + 1)


def test_following_step_by_step_is_reading_all_at_once():
    music = [TEXT + k for k in tiny_hf.some_music(12)[0].tolist()]
    rules = Rules(TEXT, vocabulary=SMALL)
    slow = Follower(rules)
    for n in range(len(music) + 1):
        once = Follower(rules).allowed([5, *music[:n]])
        step = slow.allowed([5, *music[:n]])
        assert (once.first, once.last) == (step.first, step.last)
        for one, two in ((once.bias, step.bias),):
            assert (one is None) == (two is None)
            assert one is None or np.array_equal(one, two)
    other = [TEXT + SMALL.autoregress, TEXT + 4]
    assert slow.allowed([5, *other]).first == TEXT + SMALL.duration  # another sequence


def test_controls_of_a_prompt_are_read_and_never_written():
    rules = Rules(0, most=1, vocabulary=SMALL)
    v = SMALL
    control = [v.control + 5, v.control + v.duration, v.control + v.note + 3 * 128]
    found = Follower(rules).allowed([v.anticipate, *control, 0, v.duration])
    assert (found.first, found.last) == (v.note, v.control)
    assert np.isfinite(found.bias[3 * 128 : 4 * 128]).all()
    assert np.isneginf(found.bias[: 3 * 128]).all()


def test_a_piece_that_nobody_may_play_ends_where_a_note_would_begin():
    """A control takes the only place: the end comes before a time, not after a note was begun."""
    v, rules = SMALL, Rules(0, most=1, instruments=(0,), vocabulary=SMALL)
    heard = [v.control + 5, v.control + v.duration, v.control + v.note + 3 * 128]
    assert Follower(rules).allowed([v.anticipate, *heard]) == processors.Allowed(
        v.separator, v.separator + 1
    )
    own = [*heard[:2], v.control + v.note]
    assert Follower(rules).allowed([v.anticipate, *own]).first == v.time


def test_the_published_layout_is_masked_where_midi_llm_has_its_music():
    follower = Follower(Rules(128_256))
    found = follower.allowed([9, 9, 128_256 + AMT.autoregress])
    assert (found.first, found.last) == (128_256, 128_256 + 10_000)
    logits = found.apply(torch.zeros(183_286))
    assert int(torch.isfinite(logits).sum()) == 101  # a second at most before a note or a rest
    with pytest.raises(InputError, match="another model's"):
        found.apply(torch.zeros(50_000))


# ---------------------------------------------------------------------------- vLLM


def test_vllms_callable_writes_in_place_what_huggingfaces_gives():
    rules = Rules(TEXT, instruments=(2,), vocabulary=SMALL)
    music = [TEXT + k for k in tiny_hf.some_music(3)[0].tolist()][:9]
    logits = torch.randn(TEXT + SMALL.size)
    wanted = hf_processor(rules)(torch.tensor([[5, *music]]), logits[None])[0]
    given = logits.clone()
    found = RequestProcessor(rules)([5], music, given)
    assert found is given and torch.equal(given, wanted)


def test_a_requests_rules_are_read_and_checked():
    def request(extra):
        return types.SimpleNamespace(extra_args=extra)

    assert rules_of_request(request(None)) is None
    assert rules_of_request(request({"other": 1})) is None
    data = {"offset": 128_256, "instruments": [0, 128], "seconds": 30}
    found = rules_of_request(request({"cantilena": data}))
    assert found == Rules(128_256, (0, 128), seconds=30.0)
    for wrong in ({}, {"offset": 1, "pitch": 2}, {"offset": "x"}, [1], {"offset": 1, "most": 0}):
        with pytest.raises(InputError):
            rules_of_request(request({"cantilena": wrong}))
    with pytest.raises(InputError, match="no instrument is left"):
        Rules(0, instruments=(3,), excluded=(3,))


def test_the_vllm_class_is_made_on_vllms_own_and_only_where_it_is(monkeypatch):
    with pytest.raises(MissingExtraError, match=r"cantilena\[vllm\]"):
        _ = processors.VllmProcessor
    stand_in = types.ModuleType("vllm.v1.sample.logits_processor")
    stand_in.AdapterLogitsProcessor = type("AdapterLogitsProcessor", (), {})  # type: ignore
    for name in ("vllm", "vllm.v1", "vllm.v1.sample"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, stand_in.__name__, stand_in)
    kind = processors.VllmProcessor
    assert issubclass(kind, stand_in.AdapterLogitsProcessor)
    asked = types.SimpleNamespace(extra_args={"cantilena": {"offset": 10}})
    wrong = types.SimpleNamespace(extra_args={"cantilena": {"offset": 10, "most": 0}})
    made = kind()
    assert isinstance(made.new_req_logits_processor(asked), RequestProcessor)
    assert made.new_req_logits_processor(types.SimpleNamespace(extra_args=None)) is None
    assert not made.is_argmax_invariant()
    kind.validate_params(asked)
    with pytest.raises(ValueError, match="at least 1 instrument"):
        kind.validate_params(wrong)
    with pytest.raises(AttributeError):
        _ = processors.nothing
