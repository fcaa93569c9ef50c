"""Reading a report back: the values that its page shows."""

import json
import re
from pathlib import Path
from typing import Any

DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)


def page_data(path: Path) -> dict[str, Any]:
    """The page's data; fails when there is not exactly one data element."""
    (text,) = DATA.findall(path.read_text(encoding="utf-8"))
    return json.loads(text)
