"""Removes duplicates from sources before they are cited."""


def unique(urls):
    return list(set(urls))


def cite(urls):
    return [f"[{i}] {url}" for i, url in enumerate(unique(urls), 1)]


def run(seed: int):
    return cite(["a.org", "b.org", "a.org", "c.org", f"d{seed}.org"])
