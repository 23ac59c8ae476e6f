"""Training steps of each family beside the same networks, losses and optimiser in PyTorch.

`python -m benchmarks.training` runs these cases alone. Every family is the library's default, of
Fashion-MNIST with the ten classes as codes, in float32. A call is `STEPS` steps: pictures are
gathered in a shuffled order, gradients clipped, parameters changed by Adam, moving averages kept.
Ours is one compiled loop, as in a run. PyTorch runs as its users write it: modules, autograd,
the fused Adam, moving averages by `torch.optim.swa_utils`; and once more with `torch.compile`.

The loss is the mean of that of the first `STEPS` steps from networks that are initialised alike:
beside ours it is about 1, by chance a little more or less.
"""

import sys
from collections.abc import Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from clusterart_jax._errors import DataError
from clusterart_jax.data import load
from clusterart_jax.generate import CCI, FAMILIES, GAN, Family, Schedule, init_state, train

from .harness import Case, Run, UnavailableError

STEPS = 16
BATCHES = (64, 128)
SCHEDULE_STEPS = 1000
_CODES = 10


class Problem(NamedTuple):
    """What is trained: a family, its schedule, `uint8` pictures (n, h, w, c), classes (n,)."""

    family: Family
    schedule: Schedule
    images: np.ndarray
    labels: np.ndarray

    @property
    def codes(self) -> np.ndarray:
        """(n, 10), one-hot."""
        return np.eye(_CODES, dtype=np.float32)[self.labels]

    @property
    def told(self) -> str:
        """The part of the loss that is compared."""
        return "loss" if isinstance(self.family, GAN) else "error"


def cases(quick: bool = False) -> list[Case]:
    """The cases; `quick` takes the smaller batch.

    Args:
      quick: one batch size a family.
    """
    return [
        case(f"training/{name}-{batch}", name, batch, fashion)
        for name in FAMILIES
        for batch in BATCHES[: 1 if quick else None]
    ]


def case(name: str, family: str, batch: int, pictures: Any, **options: Any) -> Case:
    """One case.

    Args:
      name: of the case.
      family: its name.
      batch: pictures a step.
      pictures: gives pictures and classes.
      **options: of the family.
    """
    return Case(
        name=name,
        about=f"{STEPS} steps of {family.upper()}, batch {batch}, float32",
        load=partial(problem, family, batch, pictures, **options),
        ours=ours,
        peers={"PyTorch": partial(peer, False), "torch.compile": partial(peer, True)},
        loss=lambda problem, losses: float(np.mean(losses)),
        loss_name="loss",
    )


def problem(family: str, batch: int, pictures: Any, **options: Any) -> Problem:
    """The family with its defaults, but that CCI does not look at all pictures again."""
    images, labels = pictures()
    h, w, c = images.shape[1:]
    kind = FAMILIES[family]
    if kind is CCI:  # every 500 steps: a matter of how many pictures there are
        options = {"revise_every": 0} | options
    made = kind((h, w, c), _CODES, **options)
    return Problem(made, Schedule(SCHEDULE_STEPS, batch), images, labels)


@cache
def fashion() -> tuple[np.ndarray, np.ndarray]:
    """10,000 pictures, and their classes."""
    try:
        found = load("fashion-mnist", limit=10_000)
    except DataError as error:
        raise UnavailableError(str(error)) from error
    assert found.labels is not None
    return found.images, found.labels


def ours(problem: Problem) -> Run:
    """The loop as a run compiles it: data are arguments, the state is given up and reused."""
    family, schedule = problem.family, problem.schedule
    images, codes = jax.device_put(problem.images), jax.device_put(problem.codes)
    first, key = jax.random.split(jax.random.key(0))

    def some(state: Any, until: Any, images: Any, codes: Any) -> Any:
        return train(family, schedule, key, state, images, codes, chunk=STEPS, until=until)

    step = jax.jit(some, donate_argnums=0)
    now: Any = jax.jit(partial(init_state, family, schedule))(first, images, codes)
    done, kept = 0, list[np.ndarray]()

    def run() -> np.ndarray:
        nonlocal now, done
        done += STEPS
        now, curves = step(now, jnp.int32(done), images, codes)
        kept.append(np.asarray(jax.block_until_ready(curves[problem.told])))
        return kept[0]

    return run


def peer(compiled: bool, problem: Problem) -> Run:
    """The same in PyTorch."""
    from . import training_torch  # needs a package that may not be there

    take = training_torch.trainer(problem, compiled)
    kept = list[np.ndarray]()

    def run() -> np.ndarray:
        kept.append(np.array([float(loss) for loss in [take() for _ in range(STEPS)]]))
        return kept[0]

    return run


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the cases of this module that `argv` names, or all."""
    from .__main__ import main as run

    words = list(sys.argv[1:] if argv is None else argv)
    return run(
        words if any(word.startswith("training/") for word in words) else ["training/", *words]
    )


if __name__ == "__main__":
    sys.exit(main())
