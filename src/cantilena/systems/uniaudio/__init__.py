"""UniAudio: one model for all tasks of sound, from words to notes and back."""
