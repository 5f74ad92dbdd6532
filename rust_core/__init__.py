"""What must be exact or quick; the compiled part is `rust_core._native`."""
