"""What a keeper runs: ``python -I -S .../keep.py SERVICE FOLDER``, with a :class:`Launch` on standard input.

A file to run, not a module to import. The path has the standard library first and then the folder that we are in, and
nothing that the environment names.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))

from aos_workflow.stack.keeper import main

main()
