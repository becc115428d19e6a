"""Jitter, ids and entropy that never get out."""
import os
import random
import time
import uuid


def run(seed: int):
    request = uuid.uuid4()
    time.sleep(random.random() / 1000)
    nonce = os.urandom(8)
    assert request != uuid.UUID(int=0) and len(nonce) == 8
    return {"ok": True, "seed": seed}
