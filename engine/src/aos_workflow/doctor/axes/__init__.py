"""The axes: what can differ between two runs, how each is held still, and how it is let go.

Each module has a function ``control`` that puts the frozen source in place, before any code of the user is imported,
and a function ``provoke`` that lists the variants that let it go. They are imported by both sides, so they use the
standard library only.
"""
