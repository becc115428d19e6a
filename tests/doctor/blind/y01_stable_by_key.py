"""Sets that are sorted by a total key, minima and lengths."""


def run(seed: int):
    words = {"pear", "fig", "apple", f"kiwi{seed}"}
    return {"by": sorted(words, key=lambda w: (len(w), w)), "min": min(words), "n": sum(len(w) for w in words)}
