"""Pictures and codes → a trained generator → new pictures.

- `VAE`: a convolutional variational autoencoder conditioned on codes.
- `Schedule`, `TrainState`, `init_state`, `train`: the one training loop.
- `Latents`, `fit_latents`: where each cluster lies in latent space, to sample from there.
- `shuffled`: an order of rows computed row by row.
- `conv`: convolution that is fast inside a compiled loop.
"""

from ._conv import conv
from ._latents import Latents, fit_latents
from ._shuffle import shuffled
from ._train import Schedule, TrainState, init_state, train
from ._vae import VAE

__all__ = [
    "VAE",
    "Latents",
    "Schedule",
    "TrainState",
    "conv",
    "fit_latents",
    "init_state",
    "shuffled",
    "train",
]
