"""`python -m clusterart_jax` is `clusterart`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
