"""A cache key made of a pickled request."""
import hashlib
import pickle


def key(request):
    return hashlib.md5(pickle.dumps(request)).hexdigest()[:8]


def run(seed: int):
    return key({"model": "m", "stop": {"end", "stop", "halt"}, "seed": seed})
