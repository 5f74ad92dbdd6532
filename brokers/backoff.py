"""How long to wait before the next try: longer each time, and never in step with others."""

import random
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Backoff:
    """Waits that double up to a limit; each is drawn between half of it and all of it.

    Attributes:
        first_s: The first wait.
        max_s: The longest.
        seed: Of the draws.
    """

    first_s: float = 0.5
    max_s: float = 30.0
    seed: str = ""
    _tries: int = 0
    _draw: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Chance comes from the seed."""
        self._draw = random.Random(self.seed)  # noqa: S311 - a wait is no secret

    def wait_s(self) -> float:
        """The next wait."""
        whole_s = min(self.max_s, self.first_s * 2.0 ** min(self._tries, 16))
        self._tries += 1
        return whole_s * (0.5 + self._draw.random() / 2)

    def reset(self) -> None:
        """It worked."""
        self._tries = 0
