"""The compiled part of `rust_core`: hand-written, compared with the build by stubtest."""
