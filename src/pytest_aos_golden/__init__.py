"""The pytest plugin that records, verifies and explains golden files."""

__version__ = "0.1.0"
