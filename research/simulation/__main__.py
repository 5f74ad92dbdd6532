"""A campaign in a process of its own: `python -m research.simulation A..B [all|first|PROMISE]`."""

import json
import sys

from research.simulation.campaign import parse_seeds, run

seeds, until = sys.argv[1], sys.argv[2]
report = run(parse_seeds(seeds), until=until).report()
sys.stdout.write(json.dumps(report) + "\n")
