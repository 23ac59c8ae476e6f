"""Pictures and codes → a trained generator → new pictures.

- `VAE`: a convolutional variational autoencoder conditioned on codes.
- `Schedule`, `TrainState`, `init_state`, `train`: the one training loop.
- `Latents`, `fit_latents`: where each cluster lies in latent space, to sample from there.
- `shuffled`: an order of rows computed row by row.
- `save_tree`, `load_tree`: checkpoints.
- `conv`: convolution that is fast inside a compiled loop.
"""

from ._checkpoint import load_tree, save_tree
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
    "load_tree",
    "save_tree",
    "shuffled",
    "train",
]
