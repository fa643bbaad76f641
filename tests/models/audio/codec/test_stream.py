"""Long sound window by window, and files of codes."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict

import numpy as np
import pytest
import torch

from cantilena.errors import InputError
from cantilena.models.audio.codec import stream
from cantilena.models.audio.codec.codes_file import About, Codes, codes_of, read_codes, write_codes
from tiny_codecs import noise, tiny


@pytest.mark.parametrize("size", [5, 100, 10_000])
@pytest.mark.parametrize("kind", ["frame", "seanet", "dac", "mel"])
def test_windows_give_the_codes_and_the_sound_of_the_whole(kind: str, size: int, monkeypatch):
    model = tiny(kind)
    monkeypatch.setattr(stream, "WINDOW", 30 / model.frame_rate)
    sound = noise(1, 1, 100 * model.hop + 5)
    blocks = [part.T.numpy() for part in sound[0].split(size, -1)]
    windows = list(stream.encode_blocks(model, blocks))
    frames = [part.shape[1] for part in windows]
    first, margin = stream.window_of(model), stream.margin_of(model)
    assert sum(frames) == 101 and frames[0] == first and frames[-1] < first + margin
    codes = np.concatenate(windows, 1)
    whole = model.encode(sound)
    assert (codes == whole[0].numpy()).mean() > 0.995  # ties may fall otherwise by rounding
    parts = list(stream.decode_blocks(model, whole[0].numpy(), sound.shape[-1]))
    made = torch.from_numpy(np.concatenate(parts).T)[None]
    in_parts = stream.decode_windows(model, np.split(whole[0].numpy(), [1, 1, 50, 77], axis=1))
    np.testing.assert_array_equal(np.concatenate(list(in_parts))[: len(sound[0, 0])], made[0].T)
    near = 2e-3 if kind == "mel" else 1e-5  # phases of bins that are all but silent are rounding
    torch.testing.assert_close(made, model.decode(whole, sound.shape[-1]), atol=near, rtol=0)


def test_no_more_than_two_windows_are_held(monkeypatch):
    model = tiny("frame")
    monkeypatch.setattr(stream, "WINDOW", 30 / model.frame_rate)
    longest, encode = [], model.encode
    monkeypatch.setattr(
        model, "encode", lambda audio, books: longest.append(audio.shape[-1]) or encode(audio)
    )
    blocks = (np.zeros((40, 1), np.float32) for _ in range(2_000))
    assert sum(part.shape[1] for part in stream.encode_blocks(model, blocks)) == 5_000
    assert max(longest) <= (30 + 2 * model.margin) * model.hop


def test_a_file_of_codes_names_its_codec(tmp_path):
    model, path = tiny("frame"), tmp_path / "x.codes.npz"
    codes = codes_of(model, model.encode(noise(1, 1, 100))[0].numpy(), 100)
    write_codes(path, codes)
    again = read_codes(path)
    assert np.array_equal(again.codes, codes.codes) and again.about == codes.about
    assert again.sizes == model.sizes and again.about.fingerprint == model.fingerprint()
    again.check(model)
    with pytest.raises(InputError, match="codes are of another codec"):
        again.check(tiny("frame", seed=1))
    before = path.read_bytes()
    write_codes(path, codes)
    assert path.read_bytes() == before


ABOUT = asdict(About("frame", "0", 16_000, 16, 1, 100))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"codes": np.full((3, 7), 16, np.uint16)}, "outside its book"),
        ({"codes": np.zeros((3, 9), np.uint16)}, "9 frames are not 100 samples"),
        ({"codes": np.zeros((2, 7), np.uint16)}, "shape"),
        ({"codes": np.zeros((3, 7))}, "shape"),
        ({"about": np.array("{")}, "not JSON"),
        ({"about": np.array(json.dumps({"format": 9}))}, "not of the format 1"),
        ({"about": np.array("[1]")}, "not of the format 1"),
        ({"about": np.array(json.dumps({**ABOUT, "fingerprint": 3}))}, "must be texts"),
        ({"codes": np.zeros((0, 7), np.uint16), "sizes": np.zeros(0, int)}, "shape"),
        ({"sizes": np.array([16.5] * 3)}, "shape"),
        ({"about": np.array(json.dumps({"format": 1}))}, "missing"),
        ({"sizes": None}, "sizes"),
        ({"codes": np.array([[object()]])}, "pickle|object"),
    ],
)
def test_damaged_files_of_codes_are_refused(change: dict, message: str, tmp_path):
    model, path = tiny("frame"), tmp_path / "x.codes.npz"
    write_codes(path, Codes(np.zeros((3, 7), np.int64), model.sizes, _about(model)))
    with np.load(path) as file:
        entries = {name: file[name] for name in file.files}
    entries |= change
    np.savez(path, **{k: v for k, v in entries.items() if v is not None})
    with pytest.raises(InputError, match=message):
        read_codes(path)


def test_damage_anywhere_is_refused_or_harmless(tmp_path):
    """Each kind of damage has an exception of its own: of zlib, zipfile, tokenize, numpy."""
    path = tmp_path / "x.codes.npz"
    codes = np.random.default_rng(0).integers(0, 4, (3, 1_000))
    about = About("frame", "0", 16_000, 16, 1, 16_000)
    write_codes(path, Codes(codes, (4, 4, 4), about))
    whole = path.read_bytes()
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with contextlib.suppress(InputError):
            assert read_codes(path).codes.shape == (3, 1_000)


def test_what_is_no_npz_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"RIFF....")
    with pytest.raises(InputError, match="no npz"):
        read_codes(tmp_path / "a")
    (tmp_path / "b").write_bytes(b"PK\3\4....")
    with pytest.raises(InputError, match="no file of codes"):
        read_codes(tmp_path / "b")
    with pytest.raises(InputError, match="there is no file"):
        read_codes(tmp_path / "c")


def _about(model):
    return codes_of(model, np.zeros((3, 7)), 100).about
