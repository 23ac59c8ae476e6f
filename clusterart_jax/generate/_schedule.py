"""How long and how fast to train."""

from dataclasses import dataclass

import optax


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
      steps: steps in all; the learning rate falls to zero over them, by a cosine.
      batch_size: pictures a step.
      learning_rate: at its highest, after 5 % of the steps; None takes the family's own.
      flip: whether half of the pictures of a step are mirrored, left to right.
      ema: decay of the moving average of parameters, which samples are drawn with.
    """

    steps: int
    batch_size: int
    learning_rate: float | None = None
    flip: bool = False
    ema: float = 0.999

    def adam(
        self, learning_rate: float, *, b1: float = 0.9, b2: float = 0.99, clip: float = 1.0
    ) -> optax.GradientTransformation:
        """Adam with warm-up, cosine decay and clipped gradients.

        Args:
          learning_rate: where the schedule names none.
          b1: decay of the mean of gradients.
          b2: decay of the mean of their squares.
          clip: largest norm of all gradients together.
        """
        rate = learning_rate if self.learning_rate is None else self.learning_rate
        warmup = max(1, self.steps // 20)
        steps = max(self.steps, warmup + 1)
        rates = optax.warmup_cosine_decay_schedule(0.0, rate, warmup, steps)
        return optax.chain(optax.clip_by_global_norm(clip), optax.adam(rates, b1=b1, b2=b2))
