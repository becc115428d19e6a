"""Sets all over, and each is sorted before it is seen."""


def run(seed: int):
    tags = {"x", "y", f"z{seed}"}
    extra = tags | {"w", "v"}
    return {"tags": sorted(tags), "n": len(extra), "has": "w" in extra, "top": max(extra), "same": extra >= tags}
