"""Every family of generators by its name."""

from ._family import Family
from ._vae import VAE

FAMILIES: dict[str, type[Family]] = {"vae": VAE}
"""Name of a family, as `PipelineConfig.generator` and the command line know it → the family."""
