"""Joint embeddings of sound and texts: training, checkpoints, tokens."""
