"""What all tests share: how many examples hypothesis tries, by HOLDFAST_SOAK."""

import os

from hypothesis import HealthCheck, settings

# The same examples in every run: red here is red on the next machine. `make soak` looks further.
settings.register_profile(
    "house",
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("soak", deadline=None, max_examples=3000, print_blob=True)
settings.load_profile("soak" if os.environ.get("HOLDFAST_SOAK") == "1" else "house")
