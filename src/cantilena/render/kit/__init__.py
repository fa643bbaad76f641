"""Sampled instruments: SFZ files, their samples, and playing a Score by them."""
