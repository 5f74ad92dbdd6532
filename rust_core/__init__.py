"""What must be exact or quick; the compiled part is `rust_core._native`."""

from rust_core._native import *  # noqa: F403 - the stub says what there is
