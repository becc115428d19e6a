"""A small vector store that breaks ties by the order of a set of ids."""


class Store:
    def __init__(self):
        self.rows = {}
        self.tags = {}

    def add(self, key, vector, *tags):
        self.rows[key] = vector
        for tag in tags:
            self.tags.setdefault(tag, set()).add(key)

    def search(self, tag, query, k):
        scored = [(abs(self.rows[key] - query), key) for key in self.tags[tag]]
        scored.sort(key=lambda pair: pair[0])
        return [key for _, key in scored[:k]]


def run(seed: int):
    store = Store()
    for i in range(8):
        store.add(f"doc{i}", i % 2, "all")
    return store.search("all", seed % 2, 3)
