"""The user agent of a client."""
import platform


def agent():
    return f"agent/1.0 ({platform.system()}; {platform.node()})"


def run(seed: int):
    return {"agent": agent(), "seed": seed}
