"""``cantilena doctor``: what of Cantilena works here, what is missing, and how to get it.

Knows where programs and packages are looked for; changes nothing. The last check composes four
bars, so that "works" means that it did.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cantilena.errors import CantilenaError
from cantilena.version import __version__

NEEDED = ("numpy", "onnxruntime", "pillow", "safetensors")
OPTIONAL = {
    "torch": ("training", "pip install 'cantilena[train]'"),
    "verovio": ("sheet music as svg", "pip install 'cantilena[sheet]'"),
    "onnx": ("export of trained models", "pip install 'cantilena[train]'"),
    "matplotlib": ("pictures of losses", "pip install 'cantilena[train]'"),
}
_FLUIDSYNTH = (
    "install the package fluidsynth: apt install fluidsynth, brew install fluid-synth, "
    "or choco install fluidsynth"
)
_SOUNDFONT = (
    "install a General MIDI soundfont, as fluid-soundfont-gm of Debian and Ubuntu, or set "
    "CANTILENA_SOUNDFONT to an .sf2 or .sf3 file"
)
_TEXT = "a calm waltz for piano in G major"


def examine(checkpoint: str | Path | None = None) -> dict[str, Any]:
    """All findings as plain data.

    ``cantilena``, ``python``, ``system``; ``packages``: version by name, null where missing;
    ``cpu``: cores and how many of them may be used; ``engine``: name and providers of
    onnxruntime; ``audio``: FluidSynth, soundfont (paths or null) and the engine that "auto"
    takes; ``systems``: what each is, whether what it needs is there, and the extra that brings it;
    ``checkpoint``: its card's summary, or the error; ``self_test``: ``ok``, and times in
    seconds; ``missing``: ``what``, ``why`` it is wanted, ``how`` to get it, ``needed``;
    ``ok``: whether composing works.
    """
    packages = {name: _version(name) for name in (*NEEDED, *OPTIONAL)}
    missing = [
        _missing(name, "composing", f"pip install {name}", True)
        for name in NEEDED
        if packages[name] is None
    ]
    audio = _audio(missing)
    engine = _engine() if packages["onnxruntime"] else None
    card, test = _compose(checkpoint)
    if "error" in card:
        how = "install cantilena again, or name a checkpoint's folder with --checkpoint"
        if checkpoint is not None:
            how = "name the folder of another one with --checkpoint, or leave that out"
        missing.append(_missing("a checkpoint", "composing", how, True))
    missing += [
        _missing(name, why, how, False)
        for name, (why, how) in OPTIONAL.items()
        if packages[name] is None
    ]
    return {
        "cantilena": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "packages": packages,
        "cpu": {"cores": os.cpu_count(), "usable": _usable()},
        "engine": engine,
        "audio": audio,
        "systems": _systems(),
        "checkpoint": card,
        "self_test": test,
        "missing": missing,
        "ok": test["ok"],
    }


def _systems() -> dict[str, dict[str, Any]]:
    """Of each system of the registry, what it is and whether the packages it needs are there."""
    from importlib.util import find_spec

    from cantilena.systems import EXTRAS, SYSTEMS

    return {
        name: {
            "is": spec.help,
            "ready": all(find_spec(package) for package in EXTRAS.get(spec.extra, ())),
            "extra": spec.extra or None,
        }
        for name, spec in SYSTEMS.items()
    }


def _missing(what: str, why: str, how: str, needed: bool) -> dict[str, Any]:
    return {"what": what, "why": why, "how": how, "needed": needed}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _usable() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _engine() -> dict[str, Any]:
    try:
        import onnxruntime

        return {"name": "onnxruntime", "providers": onnxruntime.get_available_providers()}
    except Exception as error:  # a broken installation fails in many ways
        return {"name": "onnxruntime", "error": f"{type(error).__name__}: {error}"}


def _audio(missing: list[dict[str, Any]]) -> dict[str, Any]:
    from cantilena.render.audio import find_fluidsynth, find_soundfont

    audio: dict[str, Any] = {"fluidsynth": None, "soundfont": None}
    better = "sound by FluidSynth; the built-in synthesizer stands in"
    for name, find, how in (
        ("fluidsynth", find_fluidsynth, _FLUIDSYNTH),
        ("soundfont", find_soundfont, _SOUNDFONT),
    ):
        try:
            audio[name] = str(find())
        except CantilenaError as error:
            missing.append(_missing(name, better, how, False))
            audio["note"] = str(error)
    both = audio["fluidsynth"] and audio["soundfont"]
    return {**audio, "auto": "fluidsynth" if both else "synth"}


def _compose(checkpoint: str | Path | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The card's summary, and the outcome of composing four bars."""
    from cantilena import api

    start = time.perf_counter()
    try:
        composer = api.load(checkpoint)
    except Exception as error:
        message = (
            str(error) if isinstance(error, CantilenaError) else f"{type(error).__name__}: {error}"
        )
        return {"error": message}, {"ok": False, "error": "there is no checkpoint to compose with"}
    loaded = time.perf_counter()
    try:
        score = api.compose(_TEXT, bars=4, checkpoint=composer).score
    except Exception as error:
        message = (
            str(error) if isinstance(error, CantilenaError) else f"{type(error).__name__}: {error}"
        )
        return summary(composer), {"ok": False, "error": message}
    return summary(composer), {
        "ok": len(score) > 0,
        "load_seconds": round(loaded - start, 3),
        "compose_seconds": round(time.perf_counter() - loaded, 3),
        "notes": len(score),
        "bars": score.n_bars,
        "music_seconds": round(float(score.seconds(score.end)), 2),
    }


def summary(composer: Any) -> dict[str, Any]:
    """What is worth knowing of a checkpoint's card; null where the card does not say."""
    card = composer.card
    figures = card.get("figures") or {}
    return {
        "name": composer.name,
        "sha256": composer.hash,
        "parameters": card.get("parameters"),
        "notes_seen": _notes_seen(card.get("training")),
        "bits_per_note": card.get("bits_per_note", figures.get("bits_per_note")),
        "licence": card.get("licence"),
    }


def _notes_seen(training: Any) -> int | None:
    """The notes of a training and of those that it began with; None where a card does not say."""
    total = None
    while isinstance(training, dict) and isinstance(training.get("notes_seen"), int):
        total = (total or 0) + training["notes_seen"]
        training = training.get("before")
    return total


def run(args: argparse.Namespace) -> int:
    """Prints the findings; 0 where composing works, else 1."""
    findings = examine(args.checkpoint)
    if args.json:
        from cantilena.cli.common import print_json

        print_json(findings)
    else:
        print("\n".join(lines(findings)))
    return 0 if findings["ok"] else 1


def lines(findings: dict[str, Any]) -> list[str]:
    """The findings as text."""
    packages = ", ".join(f"{n} {v or 'missing'}" for n, v in findings["packages"].items())
    audio, card, test = findings["audio"], findings["checkpoint"], findings["self_test"]
    cpu = findings["cpu"]
    engine = findings["engine"]
    if engine is None:
        runs = "onnxruntime is missing"
    else:
        runs = f"onnxruntime ({engine.get('error') or ', '.join(engine['providers'])})"
    rows = [
        ("cantilena", f"{findings['cantilena']}, Python {findings['python']} ({sys.executable})"),
        ("system", findings["system"]),
        ("packages", packages),
        ("engine", f"{runs}, {cpu['usable']} of {cpu['cores']} cores"),
        ("sound", f"{audio['auto']} by default"),
        ("  fluidsynth", audio["fluidsynth"] or "not found"),
        ("  soundfont", audio["soundfont"] or "not found"),
        ("systems", ""),
        *((f"  {name}", _system_line(system)) for name, system in findings["systems"].items()),
        ("checkpoint", card.get("error") or _card_line(card)),
        ("self test", _test_line(test)),
    ]
    width = max(len(name) for name, _ in rows) + 1
    out = [f"{name:<{width}}{text}".rstrip() for name, text in rows]
    if findings["missing"]:
        out += ["", "missing:"]
        for gap in findings["missing"]:
            wanted = "needed" if gap["needed"] else "optional"
            out += [f"  {gap['what']} ({wanted}, for {gap['why']})", f"    {gap['how']}"]
    return out


def _system_line(system: dict[str, Any]) -> str:
    if system["ready"]:
        return f"ready: {system['is']}"
    return f"needs pip install 'cantilena[{system['extra']}]': {system['is']}"


def _card_line(card: dict[str, Any]) -> str:
    parts = [str(card["name"])]
    if card["parameters"]:
        parts.append(f"{card['parameters'] / 1e6:.1f} M parameters")
    if card["notes_seen"]:
        parts.append(f"trained on {card['notes_seen'] / 1e6:.0f} M notes")
    if card["bits_per_note"]:
        parts.append(f"{card['bits_per_note']:.2f} bits per note")
    if card["licence"]:
        parts.append(str(card["licence"]))
    return ", ".join(parts)


def _test_line(test: dict[str, Any]) -> str:
    if not test["ok"]:
        return f"failed: {test.get('error', 'no notes were composed')}"
    return (
        f"composed {test['bars']} bars ({test['notes']} notes) in {test['compose_seconds']:.2f} s, "
        f"loaded in {test['load_seconds']:.2f} s"
    )
