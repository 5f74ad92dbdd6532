"""Who owns which state: the lane, supervision, and the wiring of a running system."""
