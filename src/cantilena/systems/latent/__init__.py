"""Latent diffusion: text, or a Score, to the latents of a VAE, and those to sound."""
