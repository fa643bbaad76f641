"""``cantilena describe`` and ``cantilena render``: what a MIDI file is, and what can be made of it.

Knows what is printed of Attributes; measures and draws nothing itself.
"""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING, Any

from cantilena.cli.common import Progress, clock, print_json, warn
from cantilena.cli.instrument import kits_of, read_kits, sound_by
from cantilena.cli.naming import (
    failure_code,
    failure_lines,
    names_asked,
    names_of_sources,
    notice_number,
)
from cantilena.errors import CantilenaError, InputError
from cantilena.files import check_folder
from cantilena.render.formats import check_extras, check_soundfont, checked_formats, write_files
from cantilena.score.midi import read_midi

if TYPE_CHECKING:
    from cantilena.analysis.attributes import Attributes
    from cantilena.score.harmony import Key
    from cantilena.score.score import Score

RENDERED = ("wav", "png", "svg", "musicxml")


def description(score: Score) -> dict[str, Any]:
    """What a Score is, as plain data; the schema of ``describe --json``.

    - ``key``: heard, as "D minor", or null; ``key_strength`` 0-1: how well the notes fit it;
      ``signature``: the key of the file's own key signature, the one that holds longest, or null
    - ``metre``: as "3/4"; ``tempo``: main tempo in quarter notes per minute; ``tempo_class``:
      as "andante"
    - ``instruments``: the largest share first; each ``name``, ``program`` (0-127; 128: drums),
      ``family``, ``share`` (0-1) of the sounding time, ``notes``, ``low``, ``middle``, ``high``
      (5th, 50th, 95th percentile of its pitches), ``polyphony`` (notes at once)
    - ``drums``: whether there are any
    - ``chords``: the chord of each half bar in order, null where none sounds; ``progression``:
      the most repeated sequence of chords
    - ``bars``, ``seconds``, ``notes``; ``density``: notes per bar; ``polyphony``: pitched notes at
      once; ``swing``: whether eighths swing; ``form``: as "AABA", or ""
    - ``lyrics``: number of syllables; ``markers``: each with its ``bar`` (from 1) and ``text``
    - ``sections``: what the markers divide the piece into; each ``name``, ``bar`` (its first, from
      1), ``bars``, ``start`` in seconds, ``parts``: the names of those that play in it
    - ``caption``: all this in sentences
    """
    from cantilena.analysis import describe, sections
    from cantilena.text.caption.description import describe_in_words

    a = describe(score)
    return {
        "title": score.title,
        "key": a.key.name if a.key else None,
        "key_strength": round(a.key_strength, 3),
        "signature": signature.name if (signature := _signature(score)) else None,
        "metre": f"{a.metre[0]}/{a.metre[1]}",
        "tempo": round(a.bpm, 2),
        "tempo_class": a.tempo_class,
        "instruments": _instruments(a),
        "drums": a.drums,
        "chords": _symbols(a),
        "progression": list(a.progression),
        "bars": a.bars,
        "seconds": round(a.seconds, 3),
        "notes": len(score),
        "density": round(a.density, 2),
        "polyphony": round(a.polyphony, 2),
        "swing": a.swing,
        "form": a.form,
        "lyrics": len(score.lyrics),
        "markers": _markers(score),
        "sections": [section.to_dict() for section in sections(score)],
        "caption": describe_in_words(a),
    }


def _signature(score: Score) -> Key | None:
    """The key of the signature that holds for most ticks; None where there is none."""
    from cantilena.score.harmony import Key

    starts = score.key_tick.tolist()
    if not starts:
        return None
    stops = [*starts[1:], max(score.end, starts[-1] + 1)]
    totals: Counter[tuple[int, int]] = Counter()
    signatures = zip(score.key_fifths.tolist(), score.key_minor.tolist(), strict=True)
    for signature, start, stop in zip(signatures, starts, stops, strict=True):
        totals[signature] += stop - start
    fifths, minor = totals.most_common(1)[0][0]
    return Key.from_signature(fifths, bool(minor))


def _contradiction(data: dict[str, Any]) -> str:
    """What there is to say where the signature has other notes than the key that is heard."""
    from cantilena.score.harmony import Key

    if not data["key"] or not data["signature"]:
        return ""
    heard, written = Key.from_name(data["key"]), Key.from_name(data["signature"])
    same = (heard.fifths - written.fifths) % 12 == 0
    return "" if same else f"; the file's signature is that of {written.name}"


def _instruments(a: Attributes) -> list[dict[str, Any]]:
    from cantilena.score import gm

    return [
        {
            "name": gm.name(p.instrument),
            "program": p.instrument,
            "family": gm.family(p.instrument),
            "share": round(p.share, 4),
            "notes": p.notes,
            "low": p.low,
            "middle": p.middle,
            "high": p.high,
            "polyphony": round(p.polyphony, 2),
        }
        for p in a.parts
    ]


def _markers(score: Score) -> list[dict[str, Any]]:
    bars = score.bar_starts[1:].searchsorted([t.tick for t in score.markers], "right") + 1
    places = zip(bars.tolist(), score.markers, strict=True)
    return [{"bar": bar, "text": marker.text} for bar, marker in places]


def _symbols(a: Attributes) -> list[str | None]:
    from cantilena.analysis import spell_chord
    from cantilena.score.harmony import NO_CHORD, Chord

    return [None if n == NO_CHORD else spell_chord(Chord.from_number(n), a.key) for n in a.chords]


def describe(args: argparse.Namespace) -> int:
    """Prints what MIDI files are; with ``--json`` one object, or a list of them for many files. Of
    those that cannot be read it says why, prints the others and returns 2."""
    many = len(args.files) > 1
    descriptions: list[dict[str, Any]] = []
    for file in args.files:
        try:
            data = description(read_midi(file))
        except InputError as error:
            warn(str(error))
            continue
        if not args.json:
            if descriptions:
                print()
            if many:
                print(f"{file}:")
            _print_description(data)
        descriptions.append({"file": file, **data} if many else data)
    if args.json and (many or descriptions):
        print_json(descriptions if many else descriptions[0])
    return 0 if len(descriptions) == len(args.files) else 2


def _print_description(data: dict[str, Any]) -> None:
    print(data["caption"])
    if not data["notes"]:
        return
    print()
    print(
        f"  {'key':<12}{data['key'] or '-'} (fit {data['key_strength']:.2f}){_contradiction(data)}"
    )
    print(f"  {'tempo':<12}{data['tempo']:g} quarter notes a minute")
    print(f"  {'metre':<12}{data['metre']}")
    length = clock(data["seconds"])
    print(f"  {'length':<12}{data['bars']} bars, {length}, {data['notes']:,} notes")
    if data["progression"]:
        print(f"  {'chords':<12}{' '.join(data['progression'])}")
    if data["form"]:
        print(f"  {'form':<12}{data['form']}")
    _print_sections(data["sections"])
    if data["lyrics"]:
        print(f"  {'lyrics':<12}{data['lyrics']:,} syllables")
    print()
    for part in data["instruments"]:
        print(
            f"  {part['name']:<24} {100 * part['share']:3.0f} %  {part['notes']:>6,} notes  "
            f"pitch {part['low']}-{part['high']}"
        )


def _print_sections(sections: list[dict[str, Any]]) -> None:
    """Prints a line a section: its bars, when it begins, and who plays."""
    everybody = {part for section in sections for part in section["parts"]}
    rows = [("sections", "bars", "from", "parts")] if sections else []
    for section in sections:
        bars = f"{section['bar']}-{section['bar'] + section['bars'] - 1}"
        parts = "all" if {*section["parts"]} == everybody else ", ".join(section["parts"]) or "-"
        rows.append((section["name"], bars, clock(section["start"]), parts))
    widths = [max([10 if k == 0 else 0, *(len(row[k]) for row in rows)]) for k in range(3)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        print(f"  {'  '.join((*cells, row[3]))}")


# ---------------------------------------------------------------------------- render


def render(args: argparse.Namespace) -> int:
    """Makes sound, pictures and scores of MIDI files. All are read before anything is written."""
    formats = checked_formats(args.formats, RENDERED)
    check_extras(formats)
    check_soundfont(formats, args.engine, args.soundfont)
    folder = check_folder(args.output)
    names = names_asked(args.name, len(args.files))
    kits = read_kits(args.instrument)
    if kits and "wav" not in formats:
        raise InputError("--instrument is for sound: put wav among the --formats")
    scores = [read_midi(file) for file in args.files]
    parts = [kits_of(score, kits) if kits else {} for score in scores]
    names = names or names_of_sources(args.files)
    outcomes: list[dict[str, Any]] = []
    failures: dict[str, CantilenaError] = {}
    with Progress(args.quiet) as progress:
        for i, (file, score, name) in enumerate(zip(args.files, scores, names, strict=True)):
            progress(i, len(scores), f"rendering {name}")
            paths = write_files(
                score,
                folder,
                name,
                formats,
                chords=chord_marks(score) if {*formats} & {"png", "svg", "musicxml"} else (),
                title=score.title or name,
                engine=args.engine,
                soundfont=args.soundfont,
                more=sound_by(score, parts[i], args.engine, args.soundfont),
                replace=args.replace,
                avoid=names,
                failures=failures,
            )
            progress.clear()
            notice_number(name, paths, replaces=True)
            outcomes.append({"file": file, "files": {f: str(p) for f, p in paths.items()}})
            if not (args.quiet or args.json):
                print("\n".join(str(path) for path in paths.values()))
    if args.json:
        print_json(outcomes)
    for line in failure_lines(failures):
        warn(line)
    return failure_code(failures)


def chord_marks(score: Score) -> tuple[tuple[int, str], ...]:
    """The chords heard in a Score: (tick, symbol) wherever another one starts,
    spelled as the key signature has it where that is the key heard."""
    from cantilena.analysis import audible_slots, chord_slots, find_key, spell_chord
    from cantilena.score.harmony import NO_CHORD, Chord, Key

    if not len(score):
        return ()
    numbers, starts = chord_slots(score)
    key, _ = find_key(score)
    written = zip(score.key_fifths.tolist(), score.key_minor.tolist(), strict=True)
    key = next((k for f, m in written if (k := Key.from_signature(f, bool(m))) == key), key)
    audible = audible_slots(score, numbers)
    marks: list[tuple[int, str]] = []
    last = NO_CHORD
    for number, tick in zip(numbers[audible].tolist(), starts[audible].tolist(), strict=True):
        if number not in (NO_CHORD, last):
            marks.append((tick, spell_chord(Chord.from_number(number), key)))
        last = number
    return tuple(marks)
