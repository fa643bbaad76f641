"""Texts and opaque events of MIDI files, with mido as the other reader and writer."""

from __future__ import annotations

import io

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.errors import InputError
from cantilena.score.midi import read_midi, smf, write_midi
from cantilena.score.score import Score, Track
from cantilena.score.texts import ESCAPE, SYSEX, TEXT_KINDS, OpaqueEvent, Text

META = {
    "text": "text",
    "copyright": "copyright",
    "name": "track_name",
    "lyric": "lyrics",
    "instrument": "instrument_name",
    "marker": "marker",
    "cue": "cue_marker",
    "program": "text",  # mido does not know it
    "device": "device_name",
}


def melody(tracks: int = 1, **beside) -> Score:
    """Four notes a track."""
    n = 4 * tracks
    parts = [Track(f"part {i}", 10 * i) for i in range(tracks)]
    onset = [480 * (i % 4) for i in range(n)]
    track = [i // 4 for i in range(n)]
    return Score.build(480, parts, onset, [480] * n, [60] * n, [80] * n, track, **beside)


def saved(*tracks: list, form: int = 1) -> bytes:
    """A file that mido writes of (delta, message) rows."""
    out = mido.MidiFile(type=form, ticks_per_beat=480, charset="utf-8")
    for rows in tracks:
        out.tracks.append(mido.MidiTrack(rows))
    buffer = io.BytesIO()
    out.save(file=buffer)
    return buffer.getvalue()


def loaded(data: bytes) -> list[list[tuple[int, mido.Message]]]:
    """(tick, message) of each track, as mido reads them."""
    tracks = mido.MidiFile(file=io.BytesIO(data), charset="utf-8").tracks
    result = []
    for track in tracks:
        now, rows = 0, []
        for message in track:
            now += message.time
            rows.append((now, message))
        result.append(rows)
    return result


def words(rows: list[tuple[int, mido.Message]], kind: str) -> list[tuple[int, str]]:
    key = "name" if kind in ("track_name", "instrument_name", "device_name") else "text"
    return [(tick, getattr(m, key)) for tick, m in rows if m.type == kind]


def song(channel: int = 0, at: int = 0) -> list:
    """Two notes with a syllable each."""
    return [
        mido.Message("program_change", channel=channel, program=52, time=at),
        mido.MetaMessage("lyrics", text="la "),
        mido.Message("note_on", channel=channel, note=60, velocity=80),
        mido.Message("note_off", channel=channel, note=60, time=480),
        mido.MetaMessage("lyrics", text="lé\r"),
        mido.Message("note_on", channel=channel, note=62, velocity=80),
        mido.Message("note_off", channel=channel, note=62, time=480),
    ]


def test_lyrics_stand_in_their_part_and_markers_in_the_piece():
    conductor = [
        mido.MetaMessage("track_name", name="Song"),
        mido.MetaMessage("copyright", text="© 1999 someone"),
        mido.MetaMessage("marker", text="Verse", time=480),
    ]
    named = [mido.MetaMessage("track_name", name="Voice"), mido.MetaMessage("cue_marker", text="x")]
    score = read_midi(saved(conductor, [*named, *song()]))
    assert (score.title, score.tracks) == ("Song", (Track("Voice", 52),))
    assert score.lyrics == (Text(0, "lyric", "la ", 0), Text(480, "lyric", "lé\r", 0))
    assert score.markers == (Text(480, "marker", "Verse"),)
    assert [t for t in score.texts if t.kind in ("copyright", "cue")] == [
        Text(0, "copyright", "© 1999 someone"),
        Text(0, "cue", "x"),
    ]
    piece, part = loaded(write_midi(score))
    assert words(piece, "marker") == [(480, "Verse")]
    assert words(piece, "copyright") == [(0, "© 1999 someone")]
    assert words(part, "lyrics") == [(0, "la "), (480, "lé\r")]
    types = [m.type for tick, m in part if tick == 0]
    assert types.index("lyrics") < types.index("note_on")


def test_a_karaoke_file_keeps_its_track_of_words():
    texts = [
        mido.MetaMessage("track_name", name="Words"),
        mido.MetaMessage("text", text="@TTitle"),
        mido.MetaMessage("text", text="\\la", time=480),
    ]
    data = saved([mido.MetaMessage("track_name", name="Song")], texts, song())
    score = read_midi(data)
    assert [t for t in score.texts if t.kind == "text"] == [
        Text(0, "text", "@TTitle", None, "Words"),
        Text(480, "text", "\\la", None, "Words"),
    ]
    assert [t.track for t in score.lyrics] == [0, 0]
    names = [words(rows, "track_name") for rows in loaded(write_midi(score))]
    assert names[:2] == [[(0, "Song")], [(0, "Words")]]
    assert read_midi(write_midi(score)) == score


def test_names_of_empty_tracks_are_not_lost():
    score = read_midi(saved([mido.MetaMessage("track_name", name="Typed in by J.")], song()))
    assert score.title == "Typed in by J."
    credit = [mido.MetaMessage("track_name", name="for Anna")]
    score = read_midi(saved([], song(), credit))
    assert [t for t in score.texts if t.kind == "name"] == [Text(0, "name", "for Anna")]
    assert read_midi(write_midi(score)) == score


def test_format_0_with_several_parts_has_texts_of_the_piece():
    rows = [mido.MetaMessage("track_name", name="All"), *song(0), *song(1)]
    score = read_midi(saved(rows, form=0))
    assert len(score.tracks) == 2
    assert [t.track for t in score.lyrics] == [None] * 4
    assert [(t.track, t.group) for t in read_midi(saved(song(), form=0)).lyrics] == [(0, "")] * 2


def test_a_text_behind_the_music_lengthens_nothing():
    rows = [*song(), mido.Message("note_on", note=60, velocity=0)]
    last = [mido.MetaMessage("text", text="end", time=96_000)]
    score = read_midi(saved(last, rows))
    assert score.end == 960
    assert score.texts[-1] == Text(96_000, "text", "end")
    assert read_midi(write_midi(score)) == score


def test_messages_are_kept_first_of_their_tick_unless_they_name_a_channel():
    gm_on, volume = (0x7E, 0x7F, 9, 1), (0x7F, 0x7F, 4, 1, 0, 100)
    rhythm = (0x41, 0x10, 0x42, 0x12, 0x40, 0x1A, 0x15, 2, 0x0F)
    part = (0x43, 0x10, 0x4C, 8, 0, 1, 64)
    rows = [
        *(mido.Message("sysex", data=data) for data in (gm_on, rhythm, part)),
        mido.MetaMessage("sequencer_specific", data=(0x43, 1)),
        mido.MetaMessage("smpte_offset", frame_rate=25, hours=1),
        *song(),
        mido.Message("sysex", data=volume),
    ]
    score = read_midi(saved(rows))
    assert [(e.tick, e.kind) for e in score.opaque] == [
        (0, 0xF0),
        (0, 0x7F),
        (0, 0x54),
        (960, 0xF0),
    ]
    assert score.warnings == (
        "not kept: 1 system exclusive message(s) for single channels: parts get channels anew",
    )
    piece, _ = loaded(write_midi(score))
    assert [(tick, m.data) for tick, m in piece if m.type == "sysex"] == [(0, gm_on), (960, volume)]
    assert (0x43, 1) in [m.data for _, m in piece if m.type == "sequencer_specific"]


def test_what_is_left_out_is_told():
    silent = [mido.Message("control_change", channel=5, control=7, value=1) for _ in range(3)]
    silent.append(mido.Message("program_change", channel=5, program=7))
    late = [*song(), mido.Message("note_off", note=60)]
    behind = [mido.Message("control_change", control=64, value=0, time=9600)]
    metre = [mido.MetaMessage("time_signature", denominator=128)]
    score = read_midi(saved(metre, late, [*silent, *behind]))
    assert score.warnings == (
        "not kept: 1 tempo(s), metre(s) or key(s) that cannot be",
        "not kept: 3 controller event(s) on channels without notes",
        "not kept: 1 controller event(s) behind the end of the music",
        "not kept: 1 program change(s) that no note follows",
    )
    assert not read_midi(saved(song())).warnings


def test_release_velocities_are_not_kept_and_that_is_told():
    def released(velocity: int) -> tuple[str, ...]:
        on = mido.Message("note_on", note=60, velocity=80)
        off = mido.Message("note_off", note=60, velocity=velocity, time=96)
        return read_midi(saved([on, off])).warnings

    assert released(64) == released(0) == ()  # 64 is what is written, 0 what many programs write
    assert released(90) == ("not kept: release velocities of 1 note(s)",)


@pytest.mark.parametrize(
    "text",
    [
        Text(-1, "text", "a"),
        Text(0, "words", "a"),
        Text(0, "text", ""),
        Text(0, "text", "a", 1),
        Text(0, "text", "a", 0, "Words"),
    ],
)
def test_texts_that_cannot_be_are_refused(text):
    with pytest.raises(InputError):
        melody(texts=[text])


@pytest.mark.parametrize("event", [OpaqueEvent(-1, SYSEX, b""), OpaqueEvent(0, 0x90, b"")])
def test_opaque_events_that_cannot_be_are_refused(event):
    with pytest.raises(InputError):
        melody(opaque=[event])


def test_an_event_that_looks_like_our_own_mark_is_refused():
    mark = OpaqueEvent(0, 0x7F, b"\x7dcantilena:more")
    with pytest.raises(InputError, match="own"):
        write_midi(melody(opaque=[mark]))


LETTERS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)
PLACES = st.one_of(st.none(), st.integers(0, 1))


@st.composite
def texts(draw: st.DrawFn) -> Text:
    track = draw(PLACES)
    group = draw(st.one_of(st.just(""), LETTERS)) if track is None else ""
    kind = draw(st.sampled_from(list(TEXT_KINDS)))
    if kind in ("copyright", "marker", "cue"):
        track = None
    return Text(draw(st.integers(0, 3000)), kind, draw(LETTERS), track, group)


FOREIGN = st.binary(max_size=200).filter(lambda data: not data.startswith(b"\x7dcantilena:"))
OPAQUE = st.one_of(
    st.builds(OpaqueEvent, st.integers(0, 3000), st.just(0x7F), FOREIGN),
    st.builds(OpaqueEvent, st.integers(0, 3000), st.just(SYSEX), st.just(b"\x7e\x7f\x09\x01\xf7")),
    st.builds(OpaqueEvent, st.integers(0, 3000), st.just(ESCAPE), st.binary(max_size=4)),
)


def test_a_score_of_words_alone_reads_back():
    for beside in (
        {"texts": [Text(900, "marker", "A")]},
        {"opaque": [OpaqueEvent(900, SYSEX, b"\x7e\x7f\x09\x01\xf7")]},
    ):
        score = Score.build(480, [], [], [], [], [], [], **beside)
        assert score.end == 900 and read_midi(write_midi(score)) == score


@settings(max_examples=300, deadline=None)
@given(st.lists(texts(), max_size=12), st.lists(OPAQUE, max_size=4))
def test_texts_and_messages_read_back_and_mido_sees_them(texts, opaque):
    score = melody(2, texts=texts, opaque=opaque)
    data = write_midi(score)
    assert read_midi(data) == score
    plain = melody(2, end=score.end)
    assert smf.parse(data).a.tolist() == smf.parse(write_midi(plain)).a.tolist()
