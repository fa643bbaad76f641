"""What stands before the music in MusicXML: title, parts, their names, groups and sounds.

Knows MusicXML's elements and their order; does not know notes or bars.
"""

from __future__ import annotations

from cantilena.score.musicxml.layout import Layout, Part
from cantilena.score.musicxml.marks import plain_text
from cantilena.score.musicxml.parts import SOUNDS, abbreviation, drum

_CHANNELS = (*range(1, 10), *range(11, 17))


def header(title: str, composer: str, concert: bool) -> str:
    """Title, composer and what wrote it, as XML text. ``concert``: whether it has to be said that
    the score is one at concert pitch."""
    work = f"<work><work-title>{title}</work-title></work>\n" if title else ""
    creator = f'<creator type="composer">{composer}</creator>' if composer else ""
    coding = "<encoding><software>Cantilena</software></encoding>"
    head = f"{work}<identification>{creator}{coding}</identification>\n"
    return head + ("<defaults><concert-score/></defaults>\n" if concert else "")


def part_list(layout: Layout) -> str:
    """The parts' names, sounds and groups."""
    groups = layout.groups
    out = ["<part-list>\n"]
    for i, part in enumerate(layout.parts):
        for number, (first, _, symbol) in enumerate(groups, 1):
            if first == i:
                out.append(
                    f'<part-group type="start" number="{number}"><group-symbol>{symbol}'
                    "</group-symbol><group-barline>yes</group-barline></part-group>\n"
                )
        out.append(_score_part(part, i))
        for number, (_, last, _) in enumerate(groups, 1):
            if last == i:
                out.append(f'<part-group type="stop" number="{number}"/>\n')
    out.append("</part-list>\n")
    return "".join(out)


def _score_part(part: Part, index: int) -> str:
    ident, name = f"P{index + 1}", plain_text(part.name)
    short = plain_text(abbreviation(part.name))
    head = f"<part-name>{name}</part-name><part-abbreviation>{short}</part-abbreviation>"
    if part.track.is_drum:
        sounds = part.drums or (38,)
        kit = "".join(
            f'<score-instrument id="{ident}-I{p}"><instrument-name>{drum(p).name}'
            "</instrument-name></score-instrument>"
            for p in sounds
        )
        kit += "".join(
            f'<midi-instrument id="{ident}-I{p}"><midi-channel>10</midi-channel><midi-program>'
            f"{part.track.program + 1}</midi-program><midi-unpitched>{p + 1}</midi-unpitched>"
            "</midi-instrument>"
            for p in sounds
        )
        return f'<score-part id="{ident}">{head}{kit}</score-part>\n'
    program, channel = part.track.program, _CHANNELS[index % len(_CHANNELS)]
    return (
        f'<score-part id="{ident}">{head}<score-instrument id="{ident}-I1"><instrument-name>'
        f"{name}</instrument-name><instrument-sound>{SOUNDS[program]}</instrument-sound>"
        f'</score-instrument><midi-instrument id="{ident}-I1"><midi-channel>{channel}'
        f"</midi-channel><midi-program>{program + 1}</midi-program></midi-instrument>"
        "</score-part>\n"
    )
