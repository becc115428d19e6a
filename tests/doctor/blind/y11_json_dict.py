"""Dicts with keys in an order that json sorts."""
import json


def run(seed: int):
    keys = {"b", "a", "c"}
    return json.loads(json.dumps({k: len(k) + seed for k in keys}, sort_keys=True))
