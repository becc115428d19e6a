"""Goldens for pytest: record a value once, verify it on every build, say why when it differs.

The ``golden`` fixture is all most tests need::

    def test_plan(golden):
        assert make_plan(seed=golden.seed) == golden

Importing this package loads nothing; the plugin loads the kernel when a golden is first used.
"""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = ["__version__"]
