"""A cache of prompts whose key forgets the temperature."""
_CACHE = {}


def complete(prompt, temperature):
    if prompt not in _CACHE:
        _CACHE[prompt] = f"{prompt} at {temperature}"
    return _CACHE[prompt]


def run(seed: int):
    return complete("hello", 0.1 * (1 + seed % 3))
