"""Make docs/img/demo.svg from what the demo really prints: `python tools/make_picture.py`.

The picture is not part of `make docs`: times and ids differ from run to run, so a test could not
compare it. Make it anew when the demo or its looks change.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
FROM_STEP = "== 6"  # the race and what follows fit one screen
COLUMNS = 100


def main() -> None:
    """Run the demo in colour and write the picture of its end."""
    env = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
    command = [sys.executable, str(ROOT / "demo/run.py")]
    shown = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        text = Text.from_ansi(shown)
        start = text.plain.index(FROM_STEP)
        console.print(text[start:])
        svg = console.export_svg(title="make demo")
    # No font is fetched: the reader's own monospace face serves.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg).replace("Fira Code", "monospace")
    (ROOT / "docs/img/demo.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
