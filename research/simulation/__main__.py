"""A campaign in a process of its own: `python -m research.simulation A..B [first]`."""

import json
import sys

from research.simulation.campaign import parse_seeds, run

seeds, extent = sys.argv[1], sys.argv[2]
report = run(parse_seeds(seeds), is_first_enough=extent == "first").report()
sys.stdout.write(json.dumps(report) + "\n")
