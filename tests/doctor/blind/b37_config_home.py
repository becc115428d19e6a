"""Settings are looked for in the user's folder."""
from pathlib import Path


def config_path(app):
    base = Path.home() / ".config"
    return base / app / "settings.toml"


def run(seed: int):
    return {"seed": seed, "path": str(config_path("agent"))}
