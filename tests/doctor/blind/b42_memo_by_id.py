"""Embeddings are remembered by the id of the text."""


class Embedder:
    def __init__(self):
        self.known = {}

    def embed(self, text):
        key = id(text)
        if key not in self.known:
            self.known[key] = sum(map(ord, text)) % 97
        return self.known[key]


EMBEDDER = Embedder()


def run(seed: int):
    return [EMBEDDER.embed("".join(["text", str(i), str(seed)])) for i in range(6)]
