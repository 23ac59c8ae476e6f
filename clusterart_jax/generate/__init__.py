"""Pictures and codes → a trained generator → new pictures.

- `Family`: what every kind of generator gives; `Model`: one that is trained.
- `FAMILIES`, `families_with`: every kind by its name, those that have an option.
- `GAN`: a generative adversarial network conditioned on codes.
- `VAE`: a variational autoencoder conditioned on codes.
- `RNN`: a grid of vectors from a codebook, drawn by a recurrent network.
- `CCI`: k-means and a network that train each other; what it sees is drawn.
- `bits_per_dimension`, `marginal_bits`: how well pictures are predicted, and what to beat.
- `Learner`: what the training loop trains; `Classifier`, `classify`: one that tells pictures apart.
- `Schedule`, `TrainState`, `init_state`, `train`, `train_batches`: the one training loop.
- `Latents`: where each cluster lies in latent space, to sample from there.
- `draw`: codes → pictures; `embed`, `reconstruct`: pictures → latents → pictures.
- `walk`, `translate`, `direction`, `edit`, `restore`: what can be done with real pictures.
- `rows_of`, `shuffled`: an order of rows computed row by row.
- `save_tree`, `load_tree`: what is finished, as one file; `Checkpoints`: training as it goes on.
- `conv`: convolution that is fast inside a compiled loop.
"""

from ._bits import bits_per_dimension, marginal_bits
from ._cci import CCI, Imagined
from ._checkpoint import load_tree, save_tree
from ._checkpoints import Checkpoints
from ._classifier import Classifier, classify
from ._conv import conv
from ._draw import draw, to_uint8
from ._edit import direction, edit, embed, reconstruct, translate, walk
from ._families import FAMILIES, families_with
from ._family import Family, Learner, Model
from ._gan import GAN
from ._latents import Latents
from ._restore import restore
from ._rnn import RNN
from ._schedule import Schedule
from ._shuffle import shuffled
from ._train import TrainState, init_state, rows_of, train, train_batches
from ._vae import VAE

__all__ = [
    "CCI",
    "FAMILIES",
    "GAN",
    "RNN",
    "VAE",
    "Checkpoints",
    "Classifier",
    "Family",
    "Imagined",
    "Latents",
    "Learner",
    "Model",
    "Schedule",
    "TrainState",
    "bits_per_dimension",
    "classify",
    "conv",
    "direction",
    "draw",
    "edit",
    "embed",
    "families_with",
    "init_state",
    "load_tree",
    "marginal_bits",
    "reconstruct",
    "restore",
    "rows_of",
    "save_tree",
    "shuffled",
    "to_uint8",
    "train",
    "train_batches",
    "translate",
    "walk",
]
