"""The page of the same prompts by several systems: what stands on it, resuming, and bad input."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from cantilena import api
from cantilena.audio.audio import Audio
from cantilena.audio.wav import read_wav
from cantilena.cli import gallery as command
from cantilena.cli import main
from cantilena.errors import (
    BriefError,
    CheckpointError,
    InputError,
    MissingExtraError,
    Notice,
)
from cantilena.evaluate.gallery import PROMPTS, Entrant, exhibit, make_gallery
from cantilena.evaluate.prompts import Prompt
from cantilena.evaluate.sound.pieces import Renderer
from cantilena.render import spectrogram
from cantilena.result import Result
from cantilena.score.midi import read_midi
from cantilena.systems import SYSTEMS
from cantilena.systems.base import Finished
from cantilena.systems.request import Request
from cantilena.text.brief import parse_brief
from cantilena.text.report.rows import Row
from fakes import FakeSystem

TEXTS = {"one": 'piano at 90 bpm & <script>alert("1")</script>', "two b'": "violin in D minor"}
RATE = 8_000
VOID = {"meta", "img", "link", "br", "input"}


class Page(HTMLParser):
    """A page's elements with their attributes, texts, and whether all that opens closes."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


class SoundSystem(FakeSystem):
    """A tone as long as is asked for, of the fake's Score where ``led``."""

    system = "musicgen"

    def __init__(self, led: bool = True, loud: float = 0.5):
        super().__init__()
        self.name, self.led, self.loud = "tones", led, loud

    def attempt(self, attempts):
        for i, attempt in enumerate(attempts):
            if self.error and len(self.requests) == self.fails:
                raise self.error
            if not attempt.number:
                self.requests.append(attempt.request)
            yield i, Finished(self._result(attempt.request))

    def _result(self, request: Request) -> Result:
        guide = super()._result(request)
        t = np.arange(round((request.brief.seconds or 2) * RATE)) / RATE
        sound = Audio(self.loud * np.sin(2 * np.pi * 440 * t), RATE)
        rows = guide.rows if self.led else (Row("seconds", "2.0 s", "2.0 s", True, 1.0),)
        data, by = request.to_dict(), (self.name, self.hash)
        score = guide.score if self.led else None
        return Result(sound, request.brief, data, rows, *by, system=self.system, guide=score)


class Refusing(FakeSystem):
    """Composes nothing that names a violin."""

    def check(self, request: Request) -> None:
        if "violin" in request.text:
            raise BriefError("no <violins> here")


def prompts(texts: dict[str, str] = TEXTS) -> list[Prompt]:
    return [Prompt(name, text, parse_brief(text)) for name, text in texts.items()]


def gallery_of(out: Path, systems: dict[str, FakeSystem], **more):
    entrants = [Entrant(key, lambda system=system: system) for key, system in systems.items()]

    def request(system, prompt: Prompt, seed: int) -> Request:
        return Request(prompt.wishes, seed)

    return make_gallery(entrants, request, prompts(), out, Renderer("synth", None, None), **more)


def page_of(out: Path) -> Page:
    return Page((out / "index.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> tuple[Path, dict]:
    """A gallery of four systems: notes, sound led by them, sound alone, and one that fails."""
    out = tmp_path_factory.mktemp("shown") / "gallery"
    systems = {
        "note": FakeSystem(),
        "led": SoundSystem(),
        "alone": SoundSystem(led=False),
        "refusing": Refusing(),
    }
    heard: list[float] = []
    left_out = {"amt": "it is <far>"}
    figures = gallery_of(
        out, systems, left_out=left_out, progress=lambda done, _: heard.append(done)
    )
    assert heard == sorted(heard) and heard[-1] == pytest.approx(1.0)
    return out, figures


def test_every_prompt_and_system_is_there(shown):
    page = page_of(shown[0])
    assert [text for text in page.texts["h2"] if text in TEXTS.values()] == list(TEXTS.values())
    assert page.texts["h3"] == ["note", "led", "alone", "refusing"] * len(TEXTS)
    assert len(page.all("audio")) == 2 * 3 + 1
    assert "it is <far>" in "".join(page.texts["li"])
    assert "Not made: no <violins> here" in page.texts["p"]


def test_all_that_it_shows_lies_beside_it_and_nothing_comes_from_elsewhere(shown):
    out, _ = shown
    page = page_of(out)
    sources = [a["src"] for tag, a in page.elements if "src" in a]
    sources += [a["href"] for a in page.all("a") if not (a["href"] or "#").startswith("#")]
    assert len(sources) > 20
    for source in sources:
        assert source and (out / unquote(source)).is_file()
    ids = {a["id"] for _, a in page.elements if "id" in a}
    places = [a["href"] for a in page.all("a") if (a["href"] or "").startswith("#")]
    assert len(places) == 1 + len(TEXTS) and {(p or "")[1:] for p in places} <= ids
    assert not {"script", "link", "iframe"} & {tag for tag, _ in page.elements}
    assert (
        "http" not in (out / "index.html").read_text() and "@import" not in page.texts["style"][0]
    )


def test_pictures_and_players_have_words(shown):
    page = page_of(shown[0])
    pictures = page.all("img")
    kinds = [picture["class"] for picture in pictures]
    assert kinds.count("spectrogram") == 7 and kinds.count("roll") == 5
    for picture in pictures:
        alt = picture["alt"] or ""
        assert "tempo: " in alt if picture["class"] == "spectrogram" else " notes in " in alt
        assert any(alt.split(": ", 1)[1].startswith(text) for text in TEXTS.values())
    labels = [player["aria-label"] for player in page.all("audio")]
    assert f"led: {TEXTS['one']}" in labels and all("controls" in a for a in page.all("audio"))
    assert page.all("html")[0]["lang"] == "en"
    assert "color-scheme: light dark" in page.texts["style"][0]


def test_figures(shown):
    out, figures = shown
    assert json.loads((out / "gallery.json").read_text()) == figures
    notes, led, alone, _ = (column["pieces"][0] for column in figures["systems"])
    assert not notes["led"] and led["led"] and not alone["led"]
    assert [row["wish"] for row in notes["report"]] == [row["wish"] for row in led["report"]]
    assert [row["wish"] for row in alone["report"]] == ["seconds"] and alone["midi"] is None
    assert read_midi(out / led["midi"]).bpm == pytest.approx(90, rel=1e-5)
    samples, rate = read_wav(out / notes["sound"])
    score = read_midi(out / notes["midi"])
    assert notes["seconds"] == pytest.approx(float(score.seconds(score.end)), abs=1e-3)
    assert len(samples) > notes["seconds"] * rate and alone["seconds"] == 2.0
    for piece in (notes, led, alone):
        assert piece["took"] > 0
        assert [r["what"] for r in piece["heard"]] == ["tempo", "key", "chords", "instruments"]
        assert all("%" in row["right"] for row in piece["heard"])
    assert led["heard"][0]["expected"] == "90 bpm"


def test_a_second_run_makes_nothing_again(tmp_path, monkeypatch):
    systems = {"note": FakeSystem(), "led": SoundSystem()}
    first = gallery_of(tmp_path, systems)
    page = (tmp_path / "index.html").read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a picture was drawn again")

    with monkeypatch.context() as patch:
        for name in ("draw_roll", "draw_spectrogram", "listen", "render_audio"):
            patch.setattr(exhibit_module(), name, fail)
        again = {"note": FakeSystem(), "led": SoundSystem()}
        assert gallery_of(tmp_path, again) == first
        assert not again["note"].requests and not again["led"].requests
        assert (tmp_path / "index.html").read_bytes() == page
    (tmp_path / first["systems"][0]["pieces"][0]["sound"]).write_bytes(b"damaged")
    (tmp_path / first["systems"][1]["pieces"][0]["sound"]).write_bytes(b"damaged")
    again = {"note": FakeSystem(), "led": SoundSystem()}
    gallery_of(tmp_path, again)
    assert len(again["note"].requests) == 0 and len(again["led"].requests) == 1
    for column in first["systems"]:
        assert len(read_wav(tmp_path / column["pieces"][0]["sound"])[0]) > RATE
    other = FakeSystem()
    other.hash = "of another checkpoint"
    gallery_of(tmp_path, {"note": other})
    assert len(other.requests) == len(TEXTS)
    fresh = FakeSystem()
    fresh.hash = other.hash
    gallery_of(tmp_path, {"note": fresh}, fresh=True)
    assert len(fresh.requests) == len(TEXTS)


def exhibit_module():
    return sys.modules[exhibit.__module__]


def test_one_that_was_interrupted_goes_on(tmp_path):
    interrupted = SoundSystem()
    interrupted.error, interrupted.fails = KeyboardInterrupt(), 1
    with pytest.raises(KeyboardInterrupt):
        gallery_of(tmp_path, {"note": FakeSystem(), "led": interrupted})
    assert page_of(tmp_path).texts["h3"] == ["note"] * len(TEXTS)
    rest = SoundSystem()
    gallery_of(tmp_path, {"note": FakeSystem(), "led": rest})
    assert [request.text for request in rest.requests] == [TEXTS["two b'"]]
    assert page_of(tmp_path).texts["h3"] == ["note", "led"] * len(TEXTS)


def test_a_system_that_lacks_a_package_is_named_and_the_others_are_shown(tmp_path):
    """Which is known for some when a piece is composed, as to sing words takes eSpeak NG."""
    mute = SoundSystem()
    mute.error, mute.fails = MissingExtraError("voices", "sing", "singing words"), 1
    with pytest.warns(Notice, match=r"mute is left out: .*cantilena\[sing\]"):
        figures = gallery_of(tmp_path, {"mute": mute, "note": FakeSystem()})
    assert [column["key"] for column in figures["systems"]] == ["note"]
    page = page_of(tmp_path)
    assert page.texts["h3"] == ["note"] * len(TEXTS) and "mute: singing words" in str(page.texts)
    there = json.loads((tmp_path / "gallery.json").read_text())
    assert list(there["left_out"]) == ["mute"] and there == figures
    mute.fails = len(mute.requests)
    with pytest.warns(Notice), pytest.raises(InputError, match="no system can be heard: singing"):
        gallery_of(tmp_path / "mute", {"mute": mute})


def test_silence_and_no_notes_are_said(tmp_path):
    class Empty(FakeSystem):
        def _result(self, request: Request) -> Result:
            result = super()._result(request)
            none = np.zeros(len(result.score), dtype=bool)
            return Result(result.score.select(none), request.brief, request.to_dict())

    figures = gallery_of(tmp_path, {"silent": SoundSystem(loud=0.0), "empty": Empty()})
    silent, empty = (column["pieces"][0] for column in figures["systems"])
    assert silent["note"] == "the sound is silent" and silent["sound"] is not None
    assert empty["note"] == "the piece has no notes" and empty["sound"] is None
    assert "the piece has no notes" in page_of(tmp_path).texts["p"]


# ---------------------------------------------------------------------------- the command


@pytest.fixture
def fake(tmp_path, monkeypatch) -> Callable[..., tuple[int, str, str]]:
    """Runs the command in an empty folder; "note" is a fake, other default systems have nothing."""
    monkeypatch.chdir(tmp_path)

    def load(checkpoint=None, system=None):
        if system == "note":
            return FakeSystem()
        if checkpoint == "tones":
            return SoundSystem()
        raise CheckpointError(f"{system} is not here")

    monkeypatch.setattr(api, "load", load)

    def run(capsys, *argv: str) -> tuple[int, str, str]:
        code = main(["evaluate", "gallery", *argv])
        return (code, *capsys.readouterr())

    return run


def test_the_command(fake, tmp_path, capsys):
    Path("texts.jsonl").write_text(
        '{"text": "piano, 3 bars", "id": "a", "seed": 5}\n'
        '{"text": "violin", "options": {"tempo": 77}}\n'
    )
    options = ("--prompts", "texts.jsonl", "--checkpoint", "musicgen=tones", "--seconds", "2.5")
    code, out, err = fake(capsys, *options)
    assert code == 0 and "| musicgen | tones 01234567 |" in out and "amt is left out" in err
    figures = json.loads(Path("gallery/gallery.json").read_text())
    assert [column["key"] for column in figures["systems"]] == ["note", "musicgen"]
    assert "amt is not here" in figures["left_out"]["amt"]
    assert [p["id"] for p in figures["prompts"]] == ["a", "violin"]
    records = [json.loads(Path(f"gallery/note/{n}-0.json").read_text()) for n in ("a", "violin")]
    first, second = (record["identity"]["request"] for record in records)
    assert first["seed"] == 5 and first["brief"]["bars"] == 3 and not first["brief"]["seconds"]
    assert second["brief"]["seconds"] == 2.5 and second["brief"]["tempo"] == 77
    code, out, _ = fake(capsys, *options, "--systems", "note", "--json")
    assert code == 0
    assert [c["key"] for c in json.loads(out)["systems"]] == ["note", "musicgen"]


def test_a_page_of_one_file_holds_what_it_shows(fake, capsys):
    Path("texts.txt").write_text("piano, 3 bars\n")
    options = ("--prompts", "texts.txt", "--checkpoint", "musicgen=tones", "--seconds", "2.5")
    assert fake(capsys, *options, "--one-file")[0] == 0
    page, out = page_of(Path("gallery")), Path("gallery")
    kinds = {".wav": "audio/wav", ".png": "image/png", ".mid": "audio/midi"}
    files = [p for p in out.rglob("*") if p.suffix in kinds]
    addresses = [a["src"] or "" for _, a in page.elements if "src" in a]
    addresses += [a["href"] or "" for a in page.all("a") if "download" in a]
    held = []
    for address in addresses:
        kind, data = address.removeprefix("data:").split(";base64,")
        held.append((kind, base64.b64decode(data)))
    assert sorted(held) == sorted((kinds[p.suffix], p.read_bytes()) for p in files)
    links = [a["href"] or "" for a in page.all("a") if "download" not in a]
    assert all(link.startswith("#") for link in links)
    assert "within this page" in "".join(page.texts["p"])


def test_two_checkpoints_of_a_system_stand_beside_each_other(fake, capsys):
    Path("texts").write_text("piano\n")
    two = ("--checkpoint", "musicgen=tones") * 2
    code, out, _ = fake(capsys, *two, "--systems", "note", "--prompts", "texts", "--json")
    assert code == 0
    keys = [column["key"] for column in json.loads(out)["systems"]]
    assert keys == ["note", "musicgen", "musicgen-2"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--systems", "note,nothing"], "nothing"),
        (["--systems", " , "], "names none"),
        (["--systems", "latent"], "latent is not here"),
        (["--checkpoint", "run/latent"], "SYSTEM=DIR"),
        (["--checkpoint", "latent="], "SYSTEM=DIR"),
        (["--checkpoint", "nothing=x"], "nothing"),
        (["--prompts", "missing.txt"], "missing.txt"),
        (["--prompts", "bad"], "line 2"),
        (["--seconds", "0", "--systems", "note"], "second"),
        (["--seconds", "nan", "--systems", "note"], "second"),
        (["--seed", "-1"], "seed"),
        (["-o", "bad"], "bad"),
    ],
)
def test_bad_input_is_one_line(fake, capsys, options, says):
    Path("bad").write_text('{"text": "piano"}\n{"words": "piano"}\n')
    code, out, err = fake(capsys, *options)
    assert code in (2, 1) and (code == 2 or "latent" in options) and not out
    lines = [line for line in err.splitlines() if line]
    assert len(lines) == 1 and says in lines[0]
    assert not Path("gallery").exists()


def test_the_default_systems_are_those_that_bring_a_checkpoint(monkeypatch):
    defaults = {name for name, line in SYSTEMS.items() if line.default}
    args = command.argparse.Namespace(systems=None, checkpoint=[])
    choices, lacking = command._choices(args)
    assert {c.system for c in choices} | set(lacking) == defaults >= {"note", "musicgen"}
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    choices, lacking = command._choices(args)
    assert [c.system for c in choices] == ["note"] and "pip install" in lacking["musicgen"]


def test_the_ten_prompts_are_understood():
    assert len({name for name, _ in PROMPTS}) == len({text for _, text in PROMPTS}) == 10
    for _, text in PROMPTS:
        brief = parse_brief(text)
        assert brief.instruments and not brief.unplaced and brief.bars is brief.seconds is None


# ---------------------------------------------------------------------------- the spectrogram


def test_a_tone_stands_in_its_band():
    t = np.arange(RATE) / RATE
    bands = spectrogram._decibels(np.sin(2 * np.pi * 1000 * t).astype(np.float32), RATE, RATE / 2)
    low, high = spectrogram._mel(spectrogram.LOWEST), spectrogram._mel(RATE / 2)
    expected = (spectrogram._mel(1000) - low) / (high - low) * (spectrogram.BANDS + 1) - 1
    assert np.abs(bands[5:-5].argmax(1) - expected).max() <= 1
    assert bands.max() == 0 and bands.min() >= -spectrogram.RANGE


@pytest.mark.parametrize("samples", [np.zeros(RATE), np.full(1, 0.5), np.ones((200, 2))])
def test_any_sound_has_a_picture(samples):
    data = spectrogram.draw_spectrogram(samples, RATE)
    assert data.startswith(b"\x89PNG") and data == spectrogram.draw_spectrogram(samples, RATE)
