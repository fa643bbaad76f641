"""Which families of instruments are heard.

Knows spectra and what was learnt over them (``model``); does not know notes. A family counts as
heard where it has a twentieth of the sounding time or more, drums from eight strokes on; families
that could not be told reliably from sound are in no answer (``Model.told``).
"""

from __future__ import annotations

import numpy as np

from cantilena.analysis.audio.model import Model
from cantilena.analysis.audio.spectra import Spectra
from cantilena.score.gm import FAMILIES

DRUM_KIT = "drums"
NAMES = (*FAMILIES, DRUM_KIT)
"""General MIDI's families in order, and drums."""
FEATURES = 6 * 32
_LAG = 5  # bands (50 ms) over which change is measured
_SURE = 4.0  # deviations beyond which a feature says no more


def timbre(heard: Spectra) -> np.ndarray:
    """(FEATURES,) how sound is spread over its mel bands: of each band, less the mean of all, the
    mean, the deviation, the mean change, a soft and a loud moment, and its strongest attacks."""
    bands = heard.bands - heard.bands.mean()
    lag = min(_LAG, len(bands) - 1)
    change = np.abs(bands[lag:] - bands[: len(bands) - lag]).mean(0)
    rise = np.maximum(0.0, np.diff(bands, axis=0, prepend=bands[:1]))
    soft, loud = np.quantile(bands, [0.1, 0.9], axis=0)
    attack = np.quantile(rise, 0.98, axis=0)
    return np.concatenate([bands.mean(0), bands.std(0), change, soft, loud, attack])


def family_scores(features: np.ndarray, model: Model) -> np.ndarray:
    """(N, len(NAMES)) log-odds of each family, of (N, FEATURES) ``timbre``."""
    inputs = (features - model.timbre_mean) / model.timbre_scale
    return np.clip(inputs, -_SURE, _SURE) @ model.families.T + model.family_bias


def find_families(heard: Spectra, model: Model) -> tuple[str, ...]:
    """Names of the families that are heard, of ``Model.told``."""
    scores = family_scores(timbre(heard)[None], model)[0]
    return tuple(name for name in model.told if scores[NAMES.index(name)] > 0)
