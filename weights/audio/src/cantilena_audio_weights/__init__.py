"""Weights for sound, as folders that Cantilena reads: data alone, nothing is imported of it."""
