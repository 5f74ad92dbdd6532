"""The whole system against a world that is drawn from one integer (docs/explanation/simulation.md).

The product is built by its own `actors.system.build`; only its ports are stood in for: the lane's
clock, the market, the venue and the network to it, the disk, the operator, and death.
"""
