"""The system ``musiclm``: words, stories, beats, what does not fit, and pieces that go on."""

from __future__ import annotations

import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

import cantilena  # noqa: E402
from cantilena.cli import main  # noqa: E402
from cantilena.decode.windows import Windows  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.audio.codec.files import save_codec  # noqa: E402
from cantilena.models.checkpoint import hashes  # noqa: E402
from cantilena.models.saving import load_tensors  # noqa: E402
from cantilena.options import brief_of_story, make_brief  # noqa: E402
from cantilena.systems.musiclm.checkpoint import (  # noqa: E402
    is_spare,
    load_musiclm,
    save_musiclm,
)
from cantilena.systems.musiclm.system import MusicLmSystem  # noqa: E402
from cantilena.systems.musiclm.wish import MusicWish  # noqa: E402
from cantilena.systems.request import Request  # noqa: E402
from cantilena.text.wishes import Brief  # noqa: E402
from tiny_codecs import tiny  # noqa: E402
from tiny_musiclm import HOP, tiny_codec, tiny_music, write_musiclm  # noqa: E402

RATE = 16_000
STORY = "0:calm 1:fast drums"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_musiclm(tmp_path_factory.mktemp("musiclm") / "music")


@pytest.fixture(scope="module")
def system(folder: Path) -> MusicLmSystem:
    return MusicLmSystem.load(folder, "cpu")


def told(story: str = STORY, seconds: float = 2.0, seed: int = 1) -> Request:
    return Request(Brief(text=story, seconds=seconds), seed, options={"story": story})


def samples(system: MusicLmSystem, request: Request) -> np.ndarray:
    audio = system.compose([request])[0].audio
    assert audio is not None
    return audio.samples


# ------------------------------------------------------------------ words and stories


def test_a_story_is_exactly_as_long_as_it_is_asked_to_be(system: MusicLmSystem):
    for seconds in (2.0, 3.07):
        assert samples(system, told(seconds=seconds)).shape == (1, round(seconds * RATE))
    alone = Request(Brief(text=STORY), options={"story": STORY})
    assert samples(system, alone).shape == (1, 11 * RATE)  # ten more for the last part


def test_another_story_is_other_music_from_where_it_differs(system: MusicLmSystem):
    one, two = (samples(system, told(s)) for s in (STORY, "0:calm 1:slow harp"))
    assert not np.array_equal(one, two)
    wishes = [system.wish(told(s)) for s in (STORY, "0:calm 1:slow harp")]
    assert torch.equal(wishes[0].words_at(9, 10.0), wishes[1].words_at(9, 10.0))
    assert not torch.equal(wishes[0].words_at(10, 10.0), wishes[1].words_at(10, 10.0))


@pytest.mark.parametrize("second", [5.0, 5.05, 5.3, 7.77])
@pytest.mark.parametrize("rate", [12.5, 50.0, 25 / 3])
def test_every_window_behind_a_change_hears_the_new_words(second: float, rate: float):
    """Also where no frame begins at the change: 5 s are 62.5 frames of 12.5 a second."""
    old, new = torch.zeros(1, 2), torch.ones(1, 2)
    wish = MusicWish([(0.0, old), (second, new)])
    for window in Windows(16.0, 8.0).over(10.0, rate, [second]):
        behind = (window.begin + window.stop) / 2 / rate > second
        assert wish.words_at(window.begin, rate) is (new if behind else old)


def test_words_of_a_part_set_its_tempo_and_a_bar_begins_with_it(system: MusicLmSystem):
    story = "0:slow waltz at 60 bpm 4:techno at 120 bpm"
    beats = system.wish(told(story, 6.0)).sounding
    assert beats is not None
    assert beats.beat.tolist() == [0, 1, 2, 3, 4, 4.5, 5, 5.5]
    assert beats.beat_in_bar.tolist() == [0, 1, 2, 0, 0, 1, 2, 3]
    asked = Request(Brief(text=story, seconds=2.0, tempo=240.0), options={"story": "0:calm"})
    fast = system.wish(asked).sounding
    assert fast is not None and fast.beat[1] == 0.25


def test_what_options_ask_for_is_told_in_words_behind_the_text(system: MusicLmSystem):
    plain, asked = make_brief("calm"), make_brief("calm", instruments="piano", key="D minor")
    said = make_brief("calm, piano, in D minor")
    tokens = [
        system.compose([Request(replace(brief, seconds=1.0), 1)])[0].facts["word_tokens"]
        for brief in (plain, asked, said)
    ]
    assert tokens[0] != tokens[1] == tokens[2]
    story = replace(brief_of_story("0:calm 1:slow", instruments="piano"), seconds=2.0)
    told_to = system.wish(Request(story, 1, options={"story": "0:calm 1:slow"}))
    bare = system.wish(told("0:calm 1:slow"))
    for frame in (0, 15):
        assert not torch.equal(told_to.words_at(frame, 10.0), bare.words_at(frame, 10.0))


def test_what_would_change_nothing_is_refused(system: MusicLmSystem):
    for name, value in (("repetition", 5.0), ("best_of", 4)):
        asked = Request(Brief(text="calm"), sampling=replace(system.sampling, **{name: value}))
        with pytest.raises(InputError, match=f"{name.replace('_', '-')} changes nothing"):
            system.check(asked)
    system.check(Request(Brief(text="calm"), sampling=replace(system.sampling, best_of=1)))


def test_an_asked_metre_stands_above_the_words(system: MusicLmSystem):
    waltz = make_brief("waltz at 60 bpm", seconds=6, metre="4/4")
    beats = system.wish(Request(waltz)).sounding
    assert beats is not None and beats.beat_in_bar.tolist() == [0, 1, 2, 3, 0, 1]
    story = brief_of_story("0:waltz at 60 bpm", metre="4/4", seconds=6)
    beats = system.wish(Request(story, options={"story": "0:waltz at 60 bpm"})).sounding
    assert beats is not None and beats.beat_in_bar.tolist() == [0, 1, 2, 3, 0, 1]


def test_bars_last_as_long_as_the_tempo_says(system: MusicLmSystem):
    result = system.compose([Request(Brief(text="waltz at 90 bpm", bars=1, metre="3/4"))])[0]
    assert result.audio is not None and result.audio.seconds == pytest.approx(2.0)


def test_what_was_made_is_told(system: MusicLmSystem):
    facts = system.compose([told()])[0].facts
    assert facts["story"] == [[0, "calm"], [1, "fast drums"]]
    assert facts["stages"] == ["semantic", "coarse", "fine"]
    assert [len(tokens) for tokens in facts["word_tokens"]] == [3, 3]
    assert facts["word_tokens"][0] != facts["word_tokens"][1]


@pytest.mark.parametrize("story", ["calm", "0:calm 5:late", "0:a 1:"])
def test_a_story_that_cannot_be_is_refused_before_anything_is_made(
    system: MusicLmSystem, monkeypatch, story: str
):
    monkeypatch.setattr(system, "attempt", lambda attempts: pytest.fail("it was begun"))
    with pytest.raises(InputError, match="story"):
        system.run([told(story)])


def test_python_and_the_command_line_tell_the_same_story(folder: Path, tmp_path: Path):
    pairs = [(0, "calm"), (1, "fast drums")]
    results = [
        cantilena.compose(story=story, seconds=2, seed=4, system="musiclm", checkpoint=folder)
        for story in (pairs, "0:calm, 1:fast drums")
    ]
    command = ["compose", "--system", "musiclm", "--checkpoint", str(folder), "--seed", "4"]
    command += ["--story", "0:calm 1:fast drums", "--seconds", "2", "--formats", "wav,json"]
    assert main([*command, "-o", str(tmp_path), "--quiet"]) == 0
    data = json.loads((tmp_path / "0-calm-1-fast-drums.json").read_text())
    assert data["request"] == results[0].request == results[1].request
    assert data["request"]["options"] == {"story": STORY}
    again = cantilena.load(folder).compose([Request.from_dict(data["request"])])[0]
    assert np.array_equal(again.audio.samples, results[0].audio.samples)


# ------------------------------------------------------------------ going on, and streaming


def test_a_killed_piece_goes_on_and_gives_the_same_bytes(system: MusicLmSystem, tmp_path: Path):
    whole = samples(system, told())
    keeping = system.keeping(tmp_path)
    run = keeping.run([told()])
    for _ in itertools.takewhile(lambda _: not list(tmp_path.iterdir()), run):
        pass
    for _ in range(30):
        next(run)
    run.close()  # as a kill does, it leaves the progress behind
    (kept,) = tmp_path.iterdir()
    first = next(event.share for _, event in keeping.run([told()]) if hasattr(event, "share"))
    assert first > 0.1 and kept.exists()
    run = keeping.run([told()])
    for _ in range(60):
        next(run)
    run.close()
    assert np.array_equal(samples(keeping, told()), whole) and not list(tmp_path.iterdir())


def test_progress_that_is_damaged_or_of_another_request_counts_for_nothing(
    system: MusicLmSystem, tmp_path: Path
):
    keeping = system.keeping(tmp_path)
    run = keeping.run([told()])
    for _ in range(60):
        next(run)
    run.close()
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    assert np.array_equal(samples(keeping, told()), samples(system, told()))
    other = told(seed=2)
    assert np.array_equal(samples(keeping, other), samples(system, other))


def test_sound_comes_in_blocks_that_are_the_codecs_own(system: MusicLmSystem):
    blocks = list(system.blocks(told(seconds=3.0)))
    assert sum(map(len, blocks)) == 3 * RATE
    piece = system._piece(system.completed(told(seconds=3.0)))
    codes = torch.from_numpy(system.codes(piece.writing) * 0)
    assert codes.shape == (3, 60)
    piece.writing.run()
    sound = system.codec.decode(torch.from_numpy(system.codes(piece.writing))[None])[0].T
    np.testing.assert_allclose(np.concatenate(blocks), sound.numpy(), atol=1e-4)


def test_the_first_sound_is_there_before_the_last_code_is_written(system: MusicLmSystem):
    piece = system._piece(system.completed(told(seconds=6.0)))
    first = next(system._parts_of_codes(piece))
    assert first.shape[0] == 3 and piece.writing.done < piece.writing.total / 2


# ------------------------------------------------------------------ checkpoints


def test_a_slim_checkpoint_composes_the_same(folder: Path, tmp_path: Path, system: MusicLmSystem):
    slim = write_musiclm(tmp_path / "slim", slim=True)
    names = [list(load_tensors(place / "model.safetensors")) for place in (slim, folder)]
    assert not any(map(is_spare, names[0])) and any(map(is_spare, names[1]))
    loaded = load_musiclm(slim, device="cpu")
    assert not loaded.whole and load_musiclm(folder, device="cpu").whole
    assert np.array_equal(samples(MusicLmSystem(loaded), told()), samples(system, told()))


def test_a_codec_of_other_codes_is_refused(folder: Path, tmp_path: Path):
    save_codec(tmp_path / "same", tiny_codec(), {"seed": 0})
    save_codec(tmp_path / "other", tiny("frame", 1, hop=HOP), {"seed": 0})
    MusicLmSystem.load(folder, "cpu", str(tmp_path / "same"))
    with pytest.raises(InputError, match="write codes of the codec"):
        MusicLmSystem.load(folder, "cpu", str(tmp_path / "other"))
    with pytest.raises(InputError, match="write codes of the codec"):
        save_musiclm(tmp_path / "x", tiny_music(tiny_codec()), tiny("frame", 1, hop=HOP), {})


@pytest.mark.parametrize(
    ("stage", "change", "message"),
    [
        (1, {"reads": ["fine"]}, "'coarse' reads 'fine', which no earlier stage writes"),
        (0, {"sizes": [9]}, "do not fit"),
        (2, {"source": "another"}, "the codec"),
        (2, {"rate": 10.0}, "frames a second"),
    ],
)
def test_stages_that_do_not_fit_are_refused_by_name(
    folder: Path, tmp_path: Path, stage: int, change: dict, message: str
):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    card = json.loads((other / "card.json").read_text())
    card["model"]["music"]["stages"][stage] |= change
    card["files"] = {}
    (other / "card.json").write_text(json.dumps(card))
    card["files"] = {k: v for k, v in hashes(other).items() if k != "card.json"}
    (other / "card.json").write_text(json.dumps(card))
    with pytest.raises((CheckpointError, InputError), match=message):
        MusicLmSystem.load(other, "cpu")


def test_without_the_semantic_stage_coarse_codes_are_written_of_the_words(tmp_path: Path):
    place = write_musiclm(tmp_path / "two", stages="coarse,fine")
    system = MusicLmSystem.load(place, "cpu")
    assert [stage.name for stage in system.cascade.stages] == ["coarse", "fine"]
    assert np.abs(samples(system, told())).max() > 0


def test_words_before_the_columns_are_read_token_by_token(tmp_path: Path):
    place = write_musiclm(tmp_path / "prefix", fuse="prepend")
    system = MusicLmSystem.load(place, "cpu")
    assert system.music.config.states == (3, 8)
    assert system.wish(told()).words_at(0, 10.0).shape == (3, 8)
    assert not np.array_equal(samples(system, told()), samples(system, told("0:calm 1:harp")))
