"""Six pages of different genres, to be looked at: what would a musician strike out?

    python benchmarks/engraving.py FOLDER

Composes six short pieces, engraves the first page of each with verovio and writes them with their
MusicXML and MIDI files as FOLDER/<genre>.{svg,musicxml,mid}. Prints for each what makes a page hard
to read: notes, ties, tuplets, rests of a 16th or less, accidentals, ledger lines.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from cantilena import compose
from cantilena.render.sheet import engrave

PIECES = {
    "waltz": "a slow sad waltz for string quartet in D minor, 16 bars",
    "swing": "swing jazz for alto saxophone, piano, double bass and drums in Eb minor, 12 bars",
    "piano": "a romantic piano nocturne in Gb major, 6/8, 12 bars",
    "funk": "a funk groove for trumpet, electric guitar, bass guitar and drums in E minor, 8 bars",
    "folk": "an Irish jig for flute, fiddle and acoustic guitar in G major, 16 bars",
    "epic": "epic music for horn, trombone, violin, cello and timpani in C minor, 8 bars",
}
SEED = 1
SHORT = ("16th", "32nd")


def difficulties(xml: str) -> dict[str, int]:
    """Counts of what makes a page hard to read."""
    notes = list(ET.fromstring(xml).iter("note"))
    rests = [n for n in notes if n.find("rest") is not None]
    return {
        "notes": len(notes) - len(rests),
        "ties": sum(n.find("tie[@type='start']") is not None for n in notes),
        "tuplets": sum(n.find("notations/tuplet[@type='start']") is not None for n in notes),
        "short rests": sum(n.findtext("type") in SHORT for n in rests),
        "accidentals": sum(n.find("accidental") is not None for n in notes),
    }


def main(folder: Path) -> None:
    """Writes the pages and prints a row for each."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in PIECES.items():
        result = compose(text, seed=SEED)
        paths = result.save(folder, "mid,musicxml", name=name)
        xml = paths["musicxml"].read_text(encoding="utf-8")
        (folder / f"{name}.svg").write_text(engrave(xml, scale=50)[0], encoding="utf-8")
        row = "  ".join(f"{what} {n}" for what, n in difficulties(xml).items())
        print(f"{name:<8}{row}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
