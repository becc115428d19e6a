"""Durable, replayable, policy-bound workflows whose runs can be proved reproducible."""

__version__ = "0.1.0"
