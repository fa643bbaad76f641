"""Which sounding instruments answer which asked ones; knows neither Scores nor rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cantilena.text.wishes import Instrument


def match_instruments(asked: Sequence[Instrument], sounding: Iterable[int]) -> list[int | None]:
    """The sounding instrument (0-128) that answers each asked one, None for those missing.

    No instrument answers two asked ones, and as many are answered as can be (a maximum bipartite
    matching); earlier programs of an asked instrument are taken first. Asked ones with the same
    first program ask for the same sound and share its answer.
    """
    available = set(sounding)
    owner: dict[int, int] = {}
    first: dict[int, int] = {}
    for i, instrument in enumerate(asked):
        first.setdefault(instrument.programs[0] if instrument.programs else -1 - i, i)

    def place(i: int, tried: set[int]) -> bool:
        for program in asked[i].programs:
            if program in available and program not in tried:
                tried.add(program)
                if program not in owner or place(owner[program], tried):
                    owner[program] = i
                    return True
        return False

    for i in first.values():
        place(i, set())
    answer = {i: program for program, i in owner.items()}
    return [answer.get(first[a.programs[0]]) if a.programs else None for a in asked]
