"""KaraSinger: words become sung sound, by a codec whose coarse codes are tied to phonemes."""
