"""``python -m aos_workflow.cli``"""

from __future__ import annotations

import sys

from aos_workflow.cli import main

sys.exit(main())
