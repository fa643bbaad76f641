"""SymphonyNet as a system: what of a Brief is held, going on, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import tiny_bridges  # noqa: E402
from assets import ASSETS  # noqa: E402
from cantilena.decode.interfaces import Job  # noqa: E402
from cantilena.decode.loop import Loop  # noqa: E402
from cantilena.decode.sampling import Sampling  # noqa: E402
from cantilena.errors import CheckpointError, InputError  # noqa: E402
from cantilena.models.conversion import convert  # noqa: E402
from cantilena.score.harmony import parse_chord  # noqa: E402
from cantilena.score.midi import read_midi  # noqa: E402
from cantilena.systems.request import Edit, Request  # noqa: E402
from cantilena.systems.symphony.bert import BertSymphonySystem  # noqa: E402
from cantilena.systems.symphony.engine import (  # noqa: E402
    Prompt,
    RowEngine,
    RowSession,
    RowStepper,
)
from cantilena.systems.symphony.examples import BEGIN  # noqa: E402
from cantilena.systems.symphony.order import (  # noqa: E402
    MOST_ROWS,
    Order,
    OrderGrammar,
    OrderPiece,
    bar_chords,
    chord_word,
)
from cantilena.systems.symphony.system import SymphonySystem  # noqa: E402
from cantilena.text.wishes import Brief, Instrument  # noqa: E402
from cantilena.tokens.symphony import SymphonyScheme, places_of  # noqa: E402
from cantilena.tokens.symphony import vocab as v  # noqa: E402
from walks import walk  # noqa: E402

SCHEME = SymphonyScheme()
VOCABULARY = SCHEME.vocabulary
PIANO, BASS = Instrument("piano", (0, 1)), Instrument("bass", (33, 32))
DRUMS = Instrument("drums", (128,))


@pytest.fixture(scope="module")
def system(tmp_path_factory) -> SymphonySystem:
    return SymphonySystem.load(
        tiny_bridges.with_words(tmp_path_factory.mktemp("rows") / "a"), device="cpu"
    )


def walked(order: Order, seed: int) -> OrderPiece:
    """A piece that a random walk along the grammar writes to its end."""
    piece, rng = OrderPiece(VOCABULARY, order), np.random.default_rng(seed)
    walk(OrderGrammar(VOCABULARY), piece, SCHEME.sizes, rng, 4 * MOST_ROWS * order.bars)
    return piece


@pytest.mark.parametrize("seed", range(4))
def test_any_walk_along_the_grammar_is_what_was_ordered(seed: int):
    chords = ("Cm7", "FD7", "NA")
    order = Order(3, 24, chords, {0: 1, 33: 2, 128: 1}, frozenset({0, 33}), frozenset({128}))
    piece = walked(order, seed)
    rows = piece.new_rows()
    bars = [row for row in rows.tolist() if row[0] in VOCABULARY.length_of]
    assert [VOCABULARY.length_of[row[0]] for row in bars] == [24] * 3
    words = VOCABULARY.words()[0]
    assert [words[row[0]][1:] for row in rows.tolist() if words[row[0]].startswith("H")] == list(
        chords
    )
    score = SCHEME.decode(rows)
    assert {track.instrument for track in score.tracks} == {0, 33} and len(score.tracks) <= 3
    first = score.onset < 24
    assert {score.tracks[i].instrument for i in score.track[first]} == {0, 33}
    assert score.n_bars == 3 and (score.onset >= 48).any()


def test_nobody_who_is_excluded_plays_where_nobody_is_named():
    piece = walked(Order(2, 8, excluded=frozenset(range(1, 129))), 1)
    assert set(piece.instruments.values()) == {v.FIRST}


def test_a_bar_is_ended_before_it_has_too_many_rows():
    piece, grammar = OrderPiece(VOCABULARY, Order(2, 32)), OrderGrammar(VOCABULARY)
    piece.push(VOCABULARY.bar_of[32], v.PAD, v.PAD, v.PAD)
    piece.push(VOCABULARY.chord, v.PAD, v.PAD, v.PAD)
    piece.push(VOCABULARY.new_track, v.PAD, v.PAD, v.PAD)
    piece.push(VOCABULARY.position_of[0], v.PAD, v.PAD, v.PAD)
    piece.push(v.FIRST + 60, v.FIRST, v.FIRST, v.FIRST)
    assert np.isfinite(grammar.bias(0, piece, [])).sum() > 1
    piece.bar_rows = MOST_ROWS
    assert np.flatnonzero(np.isfinite(grammar.bias(0, piece, []))).tolist() == [
        VOCABULARY.bar_of[32]
    ]


@pytest.mark.parametrize(
    ("symbol", "word"),
    [
        ("C", "CM"), ("Am", "Am"), ("G7", "GD7"), ("Fmaj7", "FM7"), ("Dm7", "Dm7"), ("Bdim", "Bo"),
        ("Bdim7", "Bo7"), ("Bm7b5", "B/o7"), ("Eaug", "E+"), ("Dsus4", "Dsus4"),
        ("Dsus2", "Dsus2"), ("Bb", "bM"), ("F#m", "gm"),
    ],
)  # fmt: skip
def test_a_chord_symbol_is_the_word_of_its_kind(symbol: str, word: str):
    assert chord_word(parse_chord(symbol)) == word and word in v.CHORDS


def test_chords_go_round_by_bars_or_by_beats():
    assert bar_chords(("C", "F", "G"), None, 4, 32) == ("CM", "FM", "GM", "CM")
    assert bar_chords(("C", "F"), 8, 4, 32) == ("CM", "CM", "FM", "FM")
    assert bar_chords(("C", "F", "G"), 2, 2, 32) == ("CM", "GM")
    assert bar_chords((), None, 4, 32) == ()


def test_what_rows_can_say_is_obeyed_and_the_rest_is_named(system: SymphonySystem):
    brief = Brief(
        instruments=(PIANO, BASS, DRUMS),
        only=True,
        tempo=90.0,
        metre="6/8",
        bars=3,
        key="E minor",
        moods=("sad",),
    )
    result = system.compose([Request(brief, 1)])[0]
    met = {row.wish: row.met for row in result.rows}
    assert all(met[wish] for wish in ("instruments", "only", "tempo", "metre", "bars"))
    assert result.facts["not taken up"] == ["key", "moods"]
    assert result.score.n_bars == 3 and result.score.metre_num[0] == 6


def test_seconds_are_bars_of_the_tempo(system: SymphonySystem):
    brief = Brief(seconds=6.0, tempo=120.0, instruments=(PIANO,))
    result = system.compose([Request(brief, 2)])[0]
    assert result.score.n_bars == 3 and all(row.met for row in result.rows)


def test_a_piece_is_cut_off_behind_its_last_note_where_its_rows_are_limited(system: SymphonySystem):
    request = Request(Brief(bars=9, instruments=(PIANO,)), 2)
    whole = system.compose([request])[0]
    for tokens in (5, 17):
        result = system.compose([replace(request, options={"tokens": tokens})])[0]
        assert 0 < len(result.score) <= result.facts["rows"] <= tokens
        assert whole.facts["ended"] and not result.facts["ended"]
        notes = list(system.stream(replace(request, options={"tokens": tokens})))
        assert notes == list(system.stream(request))[: len(notes)]


def test_going_on_keeps_the_players_and_begins_on_a_bar_line(system: SymphonySystem):
    base = read_midi(ASSETS / "bridges" / "fanfare.mid")
    request = Request(Brief(bars=2), 3, edit=Edit.going_on(base))
    result = system.compose([request])[0]
    scale = result.score.tpq // base.tpq
    new = result.score.onset >= base.end * scale
    assert new.sum() == len(result.score) - len(base) > 0
    assert result.score.tracks == base.tracks and result.score.n_bars == base.n_bars + 2
    again = Request.from_dict(json.loads(json.dumps(result.request)))
    assert system.compose([again])[0].score == result.score
    other = replace(request, brief=Brief(bars=2, instruments=(PIANO,)))
    added = system.compose([other])[0].score
    assert added.tracks[-1].instrument in (0, 1)


@torch.no_grad()
def test_a_past_is_read_as_it_would_be_at_once(system: SymphonySystem):
    base = read_midi(ASSETS / "bridges" / "fanfare.mid")
    rows, _ = SCHEME.encode(base)
    places = places_of(rows, VOCABULARY)
    whole = np.concatenate([[BEGIN], np.concatenate([rows, places], axis=1)])
    limits = np.array([201, 60])
    session = RowEngine(system.engine.model).session([Prompt(whole[:9])])
    for row in whole[9:20]:
        session.advance(row[None])
    clipped = whole[:20].copy()
    clipped[:, 4:] = np.minimum(clipped[:, 4:], limits)
    logits = system.engine.model(torch.as_tensor(clipped)[None])
    for told, at_once in zip(session.logits, logits, strict=True):
        np.testing.assert_allclose(told[0], at_once[0, -1].numpy(), atol=1e-4)


@pytest.mark.parametrize("kind", ["", "prefix"])
def test_a_piece_that_fills_the_context_is_read_again_from_a_bar_on(kind: str, monkeypatch):
    bridged = tiny_bridges.bridged(kind) if kind else None
    engine = RowEngine(tiny_bridges.speaking(), bridged, context=24)
    order, text = Order(2, 4, players={0: 1}), "a waltz" if kind else None
    jobs = [
        Job(OrderPiece(VOCABULARY, order), text, (), Sampling(), np.random.default_rng(seed), 3000)
        for seed in range(2)
    ]
    read: list[int] = []
    restart = RowSession.restart

    def watched(session: RowSession, row: int, rows: np.ndarray) -> None:
        restart(session, row, rows)
        read.append(len(rows))
        if len(read) > 3:
            return
        alone = engine.session([Prompt(rows, text)])
        for told, first in zip(session.logits, alone.logits, strict=True):
            np.testing.assert_allclose(told[row], first[0], atol=1e-4)
        assert tuple(rows[0]) == BEGIN and rows[1, 5] == 1
        assert rows[1, 0] == VOCABULARY.bar_of[4]

    monkeypatch.setattr(RowSession, "restart", watched)
    Loop(RowStepper(engine, jobs), OrderGrammar(VOCABULARY), jobs).run()
    assert len(read) > 1 and all(len(job.piece.rows) > 24 for job in jobs)


@pytest.mark.parametrize("kind", ["cross", "prefix", "sum"])
def test_the_text_is_read_and_a_piece_without_one_is_the_frozen_models(
    kind: str, system: SymphonySystem, tmp_path: Path
):
    bridged = BertSymphonySystem.load(
        tiny_bridges.bridged_with_words(tmp_path / kind, kind), device="cpu"
    )
    brief = Brief(bars=1, metre="1/4", instruments=(PIANO,))
    texts = ("a slow waltz", "loud drums and two trumpets", "")
    requests = [Request(replace(brief, text=text), 5) for text in texts]
    alone = [bridged.compose([request])[0].score for request in requests]
    together = [result.score for result in bridged.compose(requests)]
    assert together == alone
    assert alone[0] != alone[1]
    assert alone[2] == system.compose([Request(brief, 5)])[0].score


def test_what_cannot_be_is_refused_in_a_line(system: SymphonySystem):
    base = read_midi(ASSETS / "bridges" / "fanfare.mid")
    wrong = [
        (Request(Brief(metre="15/4")), "no word for a bar of 120 32nds"),
        (
            Request(Brief(instruments=(PIANO,), excluded=(0,))),
            "all that are asked for are excluded",
        ),
        (Request(Brief(excluded=tuple(range(129)))), "all are excluded"),
        (Request(sampling=Sampling(guidance=2.0)), "guidance"),
        (Request(sampling=Sampling(repetition=2.0)), "repetition"),
        (Request(options={"tokens": 4}), "takes 5 rows"),
        (Request(edit=Edit.between(base, 0.5, 1.0)), "span"),
    ]
    for request, message in wrong:
        with pytest.raises(InputError, match=message):
            system.run([request])


def test_weights_without_a_vocabulary_are_refused_and_with_it_compose(tmp_path: Path):
    path = tiny_bridges.published("symphony", tmp_path)
    with pytest.raises(CheckpointError, match=r"no vocabulary.*vocab_0\.json"):
        SymphonySystem.load(convert(path, tmp_path / "bare"), device="cpu")
    model, folder = tiny_bridges.speaking(), tmp_path / "ours"
    _write_words(tmp_path)
    whole = convert(path, tmp_path / "other")
    with pytest.raises(CheckpointError, match="values of each field, its vocabulary"):
        SymphonySystem.load(whole, device="cpu")
    (tmp_path / "vocab_2.json").write_text("{}")
    with pytest.raises(CheckpointError, match="vocabulary beside the weights"):
        convert(path, tmp_path / "none")
    assert not (tmp_path / "none").exists()
    with pytest.raises(CheckpointError, match="'symphony', not 'bert-symphony'"):
        BertSymphonySystem.load(model.save(folder, {"scheme": SCHEME.to_dict()}), device="cpu")


def _write_words(folder: Path) -> None:
    """The scheme's words as the published vocabulary's files."""
    for field, words in enumerate(VOCABULARY.words()):
        table = dict(enumerate(words))
        (folder / f"vocab_{field}.json").write_text(json.dumps(table))
    (folder / "codes.txt").write_text("")
