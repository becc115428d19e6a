"""Sessions that live as long as somebody holds them, or as long as the collector is idle."""
import gc
import weakref


class Session:
    def __init__(self, name):
        self.name = name
        self.me = self


LIVE = weakref.WeakValueDictionary()


def touch(name):
    LIVE[name] = Session(name)


def run(seed: int):
    LIVE.clear()
    for i in range(40):
        touch(f"s{i}")
        [[] for _ in range(100)]
    return {"alive": len(LIVE) > 0, "count": len(LIVE), "tracked": gc.isenabled() is not None}
