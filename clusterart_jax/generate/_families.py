"""Every family of generators by its name, and what can be said about each."""

from dataclasses import fields

from ._cci import CCI
from ._family import Family
from ._gan import GAN
from ._rnn import RNN
from ._vae import VAE

FAMILIES: dict[str, type[Family]] = {"vae": VAE, "gan": GAN, "rnn": RNN, "cci": CCI}
"""Name of a family, as `PipelineConfig.generator` and the command line know it → the family."""


def families_with(option: str) -> dict[str, object]:
    """The families that have an option, and what each takes where it is not given.

    Example:
      >>> from clusterart_jax.generate import families_with
      >>> families_with("beta")
      {'vae': 1.0}
    """
    return {
        name: field.default
        for name, kind in FAMILIES.items()
        for field in fields(kind)
        if field.name == option
    }
