"""Stages over a codec's books and over its levels: tokens and codes, Jukebox's three, training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")

from cantilena.cli.train_musiclm import music_settings  # noqa: E402
from cantilena.errors import InputError  # noqa: E402
from cantilena.systems.musiclm.examples import MusicBatches, MusicExample  # noqa: E402
from cantilena.systems.musiclm.levels import books_of, joined, split  # noqa: E402
from cantilena.systems.musiclm.model import MusicConfig, StageConfig  # noqa: E402
from cantilena.systems.musiclm.system import MusicLmSystem  # noqa: E402
from cantilena.systems.request import Request  # noqa: E402
from cantilena.text.wishes import Brief  # noqa: E402
from cantilena.train.audio.musiclm import latents_of  # noqa: E402
from tiny_codecs import tiny, tones  # noqa: E402
from tiny_musiclm import tiny_codec, tiny_jukebox, tiny_music, write_jukebox  # noqa: E402


def config(*stages: tuple[str, int, float]) -> MusicConfig:
    """Of stages of a name, a number of books and a rate; the codec's is 2."""
    rows = [
        StageConfig(name, (9,) * books, rate, "codec", (), 1.0, 0.5, 8, 2, 1, 8)
        for name, books, rate in stages
    ]
    return MusicConfig(tuple(rows), codec="codec", rate=2.0)


def test_books_of_one_rate_are_split():
    codes = np.arange(12).reshape(3, 4)
    flat = config(("coarse", 1, 2.0), ("fine", 2, 2.0))
    parts = split(flat, codes)
    assert parts["coarse"].tolist() == [[0, 1, 2, 3]] and parts["fine"].shape == (2, 4)
    assert np.array_equal(joined(flat, parts), codes)
    assert np.array_equal(joined(flat, parts, 1, 3), codes[:, 1:3])


def test_frames_within_one_of_the_codecs_stand_in_a_row():
    """T M M B B B B: a column is a top frame, its two middle ones and its four bottom ones."""
    codes = np.array([[0, 10], [1, 11], [2, 12], [3, 13], [4, 14], [5, 15], [6, 16]])
    levels = config(("top", 1, 2.0), ("middle", 1, 4.0), ("bottom", 1, 8.0))
    parts = split(levels, codes)
    assert parts["top"].tolist() == [[0, 10]]
    assert parts["middle"].tolist() == [[1, 2, 11, 12]]
    assert parts["bottom"].tolist() == [[3, 4, 5, 6, 13, 14, 15, 16]]
    assert np.array_equal(joined(levels, parts), codes)
    assert np.array_equal(joined(levels, parts, 1), codes[:, 1:])
    assert books_of(levels) == (9,) * 7


def test_a_last_frame_that_is_not_whole_goes_on():
    levels = config(("top", 1, 2.0), ("middle", 1, 4.0))
    codes = joined(levels, {"top": np.array([[1, 2]]), "middle": np.array([[3, 4, 5]])})
    assert codes.tolist() == [[1, 2], [3, 5], [4, 5]]


def test_rates_that_are_no_multiples_are_refused():
    with pytest.raises(InputError, match="'middle' writes 3 frames a second"):
        books_of(config(("top", 1, 2.0), ("middle", 1, 3.0)))


def test_three_levels_make_sound(tmp_path: Path):
    system = MusicLmSystem.load(write_jukebox(tmp_path / "jukebox"), "cpu")
    request = Request(Brief(text="calm piano", seconds=1.3), 1)
    audio = system.compose([request])[0].audio
    assert audio is not None and audio.samples.shape == (1, round(1.3 * 16_000))
    piece = system._piece(system.completed(request))
    piece.writing.run()
    shapes = {name: rows.shape for name, rows in piece.writing.tokens.items()}
    assert shapes == {"top": (1, 21), "middle": (1, 41), "bottom": (1, 82)}
    assert system.codes(piece.writing).shape == (7, 21)
    sent = np.concatenate(
        list(system._parts_of_codes(system._piece(system.completed(request)))), axis=1
    )
    assert np.array_equal(sent, system.codes(piece.writing))


@pytest.mark.parametrize("seconds", [0.5, 2.51])
def test_levels_are_as_long_as_asked_and_go_on_in_the_middle(tmp_path: Path, seconds: float):
    """Killed in a window of an upsampler, a piece goes on there: the top is not written again."""
    system = MusicLmSystem.load(write_jukebox(tmp_path / "jukebox"), "cpu")
    request = system.completed(Request(Brief(text="calm piano", seconds=seconds), 2))
    whole = system.compose([request])[0].audio
    assert whole is not None and whole.samples.shape == (1, round(seconds * 16_000))
    keeping = system.keeping(tmp_path)
    first = keeping._piece(request)
    assert first.saved is not None
    steps = first.writing.steps(first.saved.keep)
    while not first.writing.next[2]:  # until a window of the bottom is written
        next(steps)
    steps.close()
    second = keeping._piece(request)
    assert second.writing.next == first.writing.next
    again = keeping.compose([request])[0].audio
    assert again == whole and [path.name for path in tmp_path.iterdir()] == ["jukebox"]


def test_levels_of_a_clip_become_a_batch_for_each_stage():
    codec = tiny_jukebox()
    sound = torch.from_numpy(tones(3.0))[None, None]
    codes = codec.encode(sound)[0].numpy()
    latents = latents_of(codec, tones(3.0))
    assert latents.shape == (8, codes.shape[1])
    options = {"stages": "top,middle,bottom", "level_rates": "1,2,4", "level_seconds": "2,1,0.5"}
    music = tiny_music(codec, books=7, frame_rate=float(codec.frame_rate), **options)
    none = np.zeros((1, 0), dtype=int)
    example = MusicExample(codes, none, ("calm",), (), np.zeros(24, np.float32), "a")
    batch = MusicBatches([example], music).draw(0, 2)
    frames = {name: batch[f"{name}.columns"].shape for name in ("top", "middle", "bottom")}
    assert frames == {"top": (2, 1, 32), "middle": (2, 1, 32), "bottom": (2, 1, 32)}
    bottom = split(music.config, codes)["bottom"][0].tolist()
    row = batch["bottom.columns"][0, 0, 1:].tolist()
    assert any(bottom[i : i + 31] == row for i in range(len(bottom)))


class Asked:
    """Options of a command line of which none is given but the recipe."""

    def __init__(self, recipe: str):
        self.recipe, self.codec = recipe, "codec"

    def __getattr__(self, name: str) -> None:
        return None


def test_a_recipe_takes_the_codecs_levels_or_says_what_it_lacks():
    options = music_settings(Asked("jukebox"), None, tiny_jukebox()).options  # type: ignore[arg-type]
    assert (options.levels, options.books, options.latent) == ((1, 2, 4), 7, 8)
    with pytest.raises(InputError, match="'frame', has one level, and this recipe"):
        music_settings(Asked("jukebox"), None, tiny_codec())  # type: ignore[arg-type]
    with pytest.raises(InputError, match="'jukebox', has 3 levels, which --recipe"):
        music_settings(Asked("musiclm-small"), None, tiny_jukebox())  # type: ignore[arg-type]
    with pytest.raises(InputError, match="'codec', of the kind 'mel-vae', has latents"):
        music_settings(Asked("musiclm-small"), None, tiny("mel-vae"))  # type: ignore[arg-type]
