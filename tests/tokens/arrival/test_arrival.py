"""MIDI files and Scores to arrival events and back."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import arrival_plain as plain
from assets import ASSETS
from cantilena.errors import InputError, MidiError, Notice
from cantilena.score import DRUMS, Score, Track
from cantilena.score.midi import read_midi, smf, write_midi
from cantilena.tokens import SCHEMES, arrival, scheme_of
from cantilena.tokens.arrival import AMT, ArrivalScheme, ArrivalVocabulary
from makers import scores

GOLDEN = ASSETS / "arrival"
SONGS = ("145", "507", "820")


def golden(song: str, array: str) -> np.ndarray:
    with np.load(GOLDEN / "golden.npz") as arrays:
        return arrays[f"{song}.mid:{array}"]


# ---------------------------------------------------------------------------- MIDI to events


@pytest.mark.parametrize("song", SONGS)
def test_events_are_those_of_the_reference(song: str):
    events = arrival.events_of(GOLDEN / f"{song}.mid")
    assert events.dtype == np.int64
    assert np.array_equal(events, golden(song, "events"))
    assert np.array_equal(arrival.pad(events), golden(song, "padded"))
    tokens, left = arrival.anticipate(arrival.pad(events), [])
    assert np.array_equal(tokens, golden(song, "anticipated"))
    assert not len(left)


@given(plain.FILES)
def test_events_equal_a_reading_message_by_message(data: bytes):
    assert arrival.events_of(data).tolist() == plain.events(data)


@given(plain.ODD_FILES)
def test_files_that_break_the_format_are_read_as_by_the_reference(data: bytes):
    assert arrival.events_of(data).tolist() == plain.events(data)


NOTE, END = b"\0\x90\x3c\x40\x60\x80\x3c\0", b"\0\xff\x2f\0"


@pytest.mark.parametrize(
    ("announced", "tracks", "ours", "reference"),
    [
        (1, [NOTE + END, NOTE + END], [0, 0], [0]),
        (1, [NOTE + END + NOTE + END], [0], [0, 50]),
        (1, [b"\0\xf0\x01\xf7\x60\x3c\x01\xf7" + NOTE + END], [50], [50]),
        (1, [b"\x60\xff\x53\x01\0" + NOTE + END], [50], [0]),
    ],
    ids=["tracks", "behind the end", "running sysex", "unknown meta"],
)
def test_only_arrival_tokens_are_read_as_by_the_reference(announced, tracks, ours, reference):
    """Each kind of broken file, and that a Score is read from it as the format has it."""
    data = smf.header(96, announced) + b"".join(map(smf.chunk, tracks))
    assert arrival.events_of(data)[::3].tolist() == plain.events(data)[::3] == reference
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Notice)
        score = read_midi(data)
    assert np.rint(100 * score.seconds(score.onset)).tolist() == ours


def test_a_program_changes_for_all_tracks_and_only_from_then_on():
    first = b"\0\x90\x3c\x40" + b"\x60\x90\x3e\x40" + b"\0\x80\x3c\0" + b"\0\x80\x3e\0"
    second = b"\x30\xc0\x05"
    end = b"\0\xff\x2f\0"
    data = smf.header(96, 2) + smf.chunk(first + end) + smf.chunk(second + end)
    rows = arrival.triples(arrival.events_of(data))
    assert ((rows[:, 2] - AMT.note) // 128).tolist() == [0, 5]
    # the first note was begun on another instrument than its end: it is never closed
    assert (rows[:, 1] - AMT.duration).tolist() == [25, 0]


def test_very_many_program_changes_are_followed():
    body = b"".join(bytes((0, 0xC0, i % 7, 0, 0x90, 60, 1)) for i in range(9000))
    data = smf.header(96, 1) + smf.chunk(body + b"\0\xff\x2f\0")
    rows = arrival.triples(arrival.events_of(data))
    assert ((rows[:, 2] - AMT.note) // 128 == np.arange(9000) % 7).all()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2**16 - 1))))
def test_ticks_too_large_to_be_sorted_with_their_places_are_in_the_same_order(rows: list):
    tick, code = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    near = arrival._merged(tick.copy(), code.astype(np.uint16))
    far = arrival._merged(tick << 50, code.astype(np.uint16))
    assert far[0].tolist() == (near[0] << 50).tolist()
    assert far[1].tolist() == near[1].tolist()
    assert near[1].tolist() == [c for _, c in sorted(rows, key=lambda row: row[0])]


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans())))
def test_many_groups_are_matched_as_few(rows: list):
    group, on = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    few = arrival._matches(group.astype(np.uint16), on > 0)
    many = arrival._matches(group << 40, on > 0)
    assert [a.tolist() for a in few] == [a.tolist() for a in many]


@pytest.mark.parametrize("data", [b"", b"MThd", b"not a MIDI file at all", b"\0" * 100])
def test_what_is_no_midi_is_one_error(data: bytes):
    with pytest.raises(MidiError, match="the MIDI data"):
        arrival.events_of(data)


def test_errors_name_the_file(tmp_path: Path):
    with pytest.raises(InputError, match="there is no file"):
        arrival.events_of(tmp_path / "none.mid")
    path = tmp_path / "bad.mid"
    path.write_bytes(b"MThd....")
    with pytest.raises(MidiError, match=r"bad\.mid"):
        arrival.events_of(str(path))


def test_days_of_silence_are_refused():
    body = b"\0\x90\x3c\x40" + smf.delta(2**27) * 1 + b"\x80\x3c\0" + b"\0\xff\x2f\0"
    with pytest.raises(MidiError, match="24 hours"):
        arrival.events_of(smf.header(1, 1) + smf.chunk(body))


def test_a_file_without_notes_has_no_events():
    data = smf.header(96, 1) + smf.chunk(b"\0\xff\x2f\0")
    assert arrival.events_of(data).shape == (0,)


def test_sequences_of_a_format_2_file_follow_one_another():
    body = b"\0\x90\x3c\x40\x60\x80\x3c\0\0\xff\x2f\0"
    data = b"MThd\0\0\0\6\0\2\0\2\0\x60" + smf.chunk(body) * 2
    assert arrival.events_of(data)[::3].tolist() == [0, 50]


# ---------------------------------------------------------------------------- Scores


def counted(tokens: np.ndarray) -> list[list[int]]:
    rows = arrival.triples(tokens)
    return rows[np.lexsort((rows[:, 1], rows[:, 2], rows[:, 0]))].tolist()


def test_a_score_says_what_its_file_says():
    for song in SONGS:
        data = (GOLDEN / f"{song}.mid").read_bytes()
        ours = counted(arrival.score_events(read_midi(data)))
        assert ours == counted(arrival.events_of(data))


@given(scores())
def test_quantising_twice_changes_nothing(score: Score):
    scheme = ArrivalScheme()
    once = scheme.quantise(score)
    assert scheme.quantise(once) == once
    assert scheme.decode(*scheme.encode(score)) == once


@given(scores())
def test_a_quantised_score_says_the_same_tokens(score: Score):
    scheme = ArrivalScheme()
    assert counted(scheme.encode(scheme.quantise(score))[0]) == counted(scheme.encode(score)[0])


@given(plain.EVENTS, st.sampled_from([None, 1, 23.7, 60, 96, 120, 133.3, 999]))
def test_tokens_survive_a_score_of_any_tempo(tokens: list[int], bpm: float | None):
    score = arrival.to_score(tokens, bpm)
    assert counted(arrival.score_events(score)) == counted(np.array(tokens, dtype=np.int64))
    if bpm is not None:
        assert score.bpm == pytest.approx(bpm, rel=1e-4)


@given(plain.EVENTS)
def test_tokens_survive_a_midi_file(tokens: list[int]):
    rows = arrival.triples(tokens)
    _, first = np.unique(rows[:, [0, 2]], axis=0, return_index=True)
    alone = rows[np.sort(first)].reshape(-1)  # one note of a pitch at a time: files pair by order
    again = arrival.events_of(write_midi(arrival.to_score(alone, 90)))
    assert [r[::2] for r in counted(again)] == [r[::2] for r in counted(alone)]


@pytest.mark.parametrize("tokens", [[1, 2], [1, 10_000, 60], [-1, 10_000, 11_000], [[1], [2]]])
def test_what_are_no_triples_is_an_input_error(tokens: list):
    with pytest.raises(InputError, match="arrival tokens"):
        arrival.to_score(tokens)


@pytest.mark.parametrize("tokens", [["a"], [1.5, 2, 3], [[1, 2], [3]], [2**70] * 3, [None] * 3])
def test_what_are_no_numbers_is_an_input_error(tokens: list):
    with pytest.raises(InputError, match="whole numbers"):
        arrival.to_score(tokens)


def test_options_that_contradict_are_input_errors():
    with pytest.raises(InputError, match="tempo"):
        arrival.to_score([], 0.5)
    with pytest.raises(InputError, match="not both"):
        arrival.to_score([], 90, header=arrival.ArrivalHeader())
    with pytest.raises(InputError, match="of its own"):
        arrival.to_score([], 90, reference=True)


def test_flags_rests_controls_and_separators_are_understood():
    note = AMT.note + 60
    tokens = [AMT.anticipate, 100, AMT.duration, AMT.rest]
    tokens += [AMT.control + 150, AMT.control + AMT.duration + 50, AMT.control + note]
    tokens += [200, AMT.duration + 30, note + 1, *[AMT.separator] * 3, 10, AMT.duration + 5, note]
    score = arrival.to_score(tokens)
    rows = arrival.triples(arrival.score_events(score))
    # the second piece follows when the first has ended, at 2.3 s
    assert (rows - [0, AMT.duration, note]).tolist() == [[150, 50, 0], [200, 30, 1], [240, 5, 0]]


def test_a_score_keeps_its_names_tempos_and_metres():
    score = Score.build(
        96,
        [Track("Lead", 81), Track("Kit", 0, True)],
        [0, 96, 480],
        [48] * 3,
        [60, 62, 36],
        [64] * 3,
        [0, 0, 1],
        tempos=[(0, 600_000), (192, 300_000)],
        metres=[(0, 3, 4)],
        keys=[(0, 2, 0)],
    )
    again = ArrivalScheme().quantise(score)
    assert [t.name for t in again.tracks] == ["Lead", "Kit"]
    assert (again.tempo_tick / again.tpq).tolist() == [0, 2]
    assert (again.onset / again.tpq).tolist() == [0, 1, 5]
    assert again.metre_num.tolist() == [3] and again.key_fifths.tolist() == [2]


# ---------------------------------------------------------------------------- the reference's file


def with_mido(tokens: list[int]) -> bytes:
    """The reference's file, message by message."""
    import mido

    file = mido.MidiFile(ticks_per_beat=50)
    changes = []
    for n, (time, duration, note) in enumerate(plain.rows(tokens)):
        sound = divmod(note - 11_000, 128)
        changes += [(time, 0, n, *sound), (time + duration - 10_000, 1, n, *sound)]
    tracks: dict[int, tuple] = {}
    now: dict[int, int] = {}
    for time, off, _, instrument, pitch in sorted(changes):
        if instrument not in tracks:
            channel = 9 if instrument == 128 else len(tracks) + (len(tracks) >= 9)
            tracks[instrument] = (file.add_track(), channel)
            change = mido.Message("program_change", channel=channel, program=instrument % 128)
            tracks[instrument][0].append(change)
            now[instrument] = 0
        track, channel = tracks[instrument]
        kind, velocity = ("note_off", 64) if off else ("note_on", 72)
        wait = time - now[instrument]
        now[instrument] = time
        track.append(mido.Message(kind, note=pitch, velocity=velocity, channel=channel, time=wait))
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


@given(plain.EVENTS.filter(len))
def test_the_references_file_is_written_byte_for_byte(tokens: list[int]):
    assert arrival.reference_midi(tokens) == with_mido(tokens)


def test_the_references_channels_leave_the_drums_theirs():
    tokens = []
    for i in range(15):
        tokens += [10 * i, AMT.duration + 5, AMT.note + 128 * (128 if i == 3 else i) + 60]
    assert arrival.reference_midi(tokens) == with_mido(tokens)
    more = [*tokens, 500, 10_001, AMT.note + 128 * 99, 500, 10_001, AMT.note + 128 * 98]
    with pytest.raises(InputError, match="channels"):
        arrival.reference_midi(more)
    with pytest.raises(InputError, match="no notes"):
        arrival.reference_midi([])


def test_the_references_score_has_its_ticks_velocity_and_order():
    tokens = [0, 10_010, AMT.note + 128 * DRUMS + 36, 5, 10_020, AMT.note + 128 * 40 + 60]
    score = arrival.to_score(tokens, reference=True)
    assert score.tpq == 50 and score.bpm == 120
    assert [t.instrument for t in score.tracks] == [DRUMS, 40]
    assert score.onset.tolist() == [0, 5] and score.duration.tolist() == [10, 20]
    assert set(score.velocity.tolist()) == {72}


# ---------------------------------------------------------------------------- the scheme


def test_the_scheme_is_registered_and_saved_as_data():
    assert SCHEMES["arrival"] is ArrivalScheme
    scheme = ArrivalScheme(ArrivalVocabulary(times=500))
    assert scheme_of(scheme.to_dict()) == scheme != ArrivalScheme()
    assert hash(scheme_of(scheme.to_dict())) == hash(scheme)
    assert ArrivalScheme().sizes == (55_028,)


def test_repair_keeps_whole_triples_wherever_they_stand():
    note = AMT.note + 5
    control = [AMT.control + 7, AMT.control + AMT.duration, AMT.control + note]
    tokens = [AMT.autoregress, 3, 4, 10_000, note, note, 10_500, *control, 9, AMT.rest, 8, 10_001]
    assert arrival.repair(tokens).tolist() == [4, 10_000, note, *control]
    assert arrival.repair([]).tolist() == arrival.repair([1, 2]).tolist() == []
    arrival.to_score(arrival.repair(np.random.default_rng(0).integers(0, AMT.size, 3000)))
