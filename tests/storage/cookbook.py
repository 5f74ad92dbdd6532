"""The cookbook's questions, as they are printed."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
COOKBOOK = (DOCS / "how-to" / "sql-cookbook.md").read_text()
REFERENCE = (DOCS / "reference" / "views.md").read_text()
QUESTIONS = re.findall(r"^## \d+\. ([^\n]+)\n(.*?)^```sql\n(.*?)^```$", COOKBOOK, re.M | re.S)
