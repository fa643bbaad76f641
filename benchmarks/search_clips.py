"""Search over recordings of other people's music: does the right one come first?

    python benchmarks/search_clips.py clips [--checkpoint joint]

Twenty clips of the split "test" of a data set, of which neither ``hearing.npz`` nor an embedding
of the split "train" has heard a rendering (lines of some may have been in the excerpts for other
instruments that ``search_by_ear.py`` writes), with two texts each: by what is heard, by a joint
embedding beside it, and by the embedding alone. Clips were chosen by who plays, so that they
differ; texts were written by the list of instruments, keys and tempi, before the first search, and
nothing was chosen on them. The data set is that of ``docs/papers/joint-embedding.md``.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cantilena.audio.wav import write_wav
from cantilena.data.audio.reader import AudioData
from cantilena.models.audio.joint_plain import PlainJoint
from cantilena.search import Cache, content_hash, search
from cantilena.systems.joint.checkpoint import load_joint

TEXTS = {
    "game-simutrans-31-Courtenay-Bridge": (
        "cheerful clarinet with piano",
        "fast clarinet tune in G major",
    ),
    "game-simutrans-52-Dreamy-Oriental-Nights": (
        "slow koto music",
        "oriental zither with soft strings",
    ),
    "game-freedoom-d_map24": (
        "tubular bells over a slow beat",
        "dark music with bells and slap bass",
    ),
    "f013011ad40dcb85a38ed988336d0c48": (
        "pan flute and cello",
        "slow gentle flutes without drums",
    ),
    "f018e73e63246b85e56368367ef9c410": (
        "bluegrass banjo",
        "banjo and acoustic guitar at 130 bpm",
    ),
    "f11e5b564b4083e95243c4e52feb68bc": ("piano waltz in B minor", "solo piano in three"),
    "f03d632629c9925b250fba9b42200f52": (
        "classical guitar in G minor",
        "a lone nylon guitar in 6/8",
    ),
    "f052c5007ee6ff31fe5f9e8990de3741": (
        "vibraphone over a warm pad",
        "calm vibraphone without drums",
    ),
    "f052f675a2c6ab63059e3a3c6d461077": (
        "hard rock trio in D minor",
        "distorted guitar, bass and drums, 150 bpm",
    ),
    "f0588ea413465d4abc8c785e256d2278": (
        "accordion and violin",
        "folk tune for fiddle, accordion and guitar",
    ),
    "f080391a9bc51d967f8ba386620b694b": ("trumpet and tuba", "brass with big drums"),
    "f0cea5ef6eaa6e3964c4f410c8a53d2f": (
        "string trio",
        "violin, viola and cello at a moderate tempo",
    ),
    "f0cda5c06f4641a7040e43de99792c9c": (
        "big band swing with saxophones",
        "jazz with trombone and muted trumpet",
    ),
    "f13ce7d715f8373a5fe333adaa764cfc": ("french horn with piano", "slow horn music in E major"),
    "f1ada1dbb7db87da5ff9d9446e8ec50a": (
        "slow orchestral music with winds and timpani",
        "symphony in D major",
    ),
    "f1c84a35ed293f4a2609acc0791f7a07": (
        "brass band waltz",
        "fast oompah music with tuba and clarinet",
    ),
    "f1d70316edc46c828a95d6f3f441b57c": ("harmonica and piano", "slow harmonica tune in G"),
    "mutopia-CavalliniE__CavalliniNo7__CavalliniNo7": (
        "clarinet solo",
        "unaccompanied clarinet study in A minor",
    ),
    "mutopia-LottiA__crucifixus_a_10_voce__crucifixus_a_10_voce": (
        "choir",
        "sacred vocal music in D minor",
    ),
    "mutopia-Traditional__J95002-UmewaSaitaka__J95002-UmewaSaitaka": (
        "shamisen",
        "a Japanese lute alone",
    ),
}
"""By song, the texts that look for its clip."""
Ranked = Callable[[str], list[str]]
"""The stems of all clips by a text, the best first."""


def write_clips(clips: str, place: Path) -> dict[str, str]:
    """Writes the sound under names that say nothing; the stem of each song."""
    data = AudioData(clips, "test", stems=False)
    stems: dict[str, str] = {}
    for i in range(len(data)):
        clip = data.clip(i)
        song = clip.meta["file"]
        if song in TEXTS and song not in stems:
            stems[song] = f"c{list(TEXTS).index(song):02d}"
            write_wav(clip.samples[:, None], clip.rate, place / f"{stems[song]}.wav")
    if missing := sorted(TEXTS.keys() - stems.keys()):
        raise SystemExit(f"these songs are not among the clips: {', '.join(missing)}")
    return stems


def figures(ranked: Ranked, stems: dict[str, str]) -> str:
    """How often the right clip comes first, among three, and the mean reciprocal rank."""
    ranks = [ranked(text).index(stems[song]) + 1 for song, texts in TEXTS.items() for text in texts]
    n = len(ranks)
    first, three = sum(r == 1 for r in ranks) / n, sum(r <= 3 for r in ranks) / n
    mean = sum(1 / r for r in ranks) / n
    return f"{n} texts: {first:.3f} first, {three:.3f} in three, MRR {mean:.3f}"


def by_search(place: Path, joint: PlainJoint | None, cache: Cache) -> Ranked:
    """By what is heard, and with an embedding by that too."""
    return lambda text: [Path(h.file).stem for h in search(text, place, joint=joint, cache=cache)]


def by_embedding(place: Path, joint: PlainJoint, cache: Cache) -> Ranked:
    """By the cosines of an embedding alone."""
    files = sorted(place.glob("*.wav"))
    rows = [cache.get(content_hash(file)) for file in files]
    vectors = np.array([row.vector for row in rows if row is not None])

    def ranked(text: str) -> list[str]:
        order = np.argsort(-(vectors @ joint.embed_texts([text])[0]), kind="stable")
        return [files[i].stem for i in order]

    return ranked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("clips")
    parser.add_argument("--checkpoint", action="append", default=[])
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        stems = write_clips(args.clips, place)
        chance = sum(1 / r for r in range(1, len(stems) + 1)) / len(stems)
        print(f"by chance: {1 / len(stems):.3f}, {3 / len(stems):.3f}, MRR {chance:.3f}")
        print("heard:", figures(by_search(place, None, Cache("clips")), stems))
        for name in args.checkpoint:
            joint = load_joint(name)
            cache = Cache(joint.identity)
            print(f"heard and {name}:", figures(by_search(place, joint, cache), stems))
            print(f"{name} alone:", figures(by_embedding(place, joint, cache), stems))


if __name__ == "__main__":
    main()
