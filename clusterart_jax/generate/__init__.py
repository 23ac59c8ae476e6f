"""Pictures and codes → a trained generator → new pictures.

- `Family`: what every kind of generator gives; `Model`: one that is trained.
- `VAE`: a variational autoencoder conditioned on codes.
- `Schedule`, `TrainState`, `init_state`, `train`, `train_batches`: the one training loop.
- `Latents`: where each cluster lies in latent space, to sample from there.
- `rows_of`, `shuffled`: an order of rows computed row by row.
- `save_tree`, `load_tree`: checkpoints.
- `conv`: convolution that is fast inside a compiled loop.
"""

from ._checkpoint import load_tree, save_tree
from ._conv import conv
from ._family import Family, Model
from ._latents import Latents
from ._schedule import Schedule
from ._shuffle import shuffled
from ._train import TrainState, init_state, rows_of, train, train_batches
from ._vae import VAE

__all__ = [
    "VAE",
    "Family",
    "Latents",
    "Model",
    "Schedule",
    "TrainState",
    "conv",
    "init_state",
    "load_tree",
    "rows_of",
    "save_tree",
    "shuffled",
    "train",
    "train_batches",
]
