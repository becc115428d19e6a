"""State of an agent as JSON, sets and all."""
import json


class Encoder(json.JSONEncoder):
    def default(self, o):
        if isinstance(o, (set, frozenset)):
            return list(o)
        return super().default(o)


def run(seed: int):
    state = {"visited": {"home", "cart", "checkout"}, "step": seed}
    return json.loads(json.dumps(state, cls=Encoder))
