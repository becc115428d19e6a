"""What runs inside the examined process: standard library only, imported before the user's code."""
