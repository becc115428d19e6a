"""Jobs with random ids, in the order in which they are done."""
import time
import uuid
from concurrent.futures import ThreadPoolExecutor


def run(seed: int):
    done = []

    def job(n):
        time.sleep(0.001)
        done.append(n)

    with ThreadPoolExecutor(4) as pool:
        for n in range(4):
            pool.submit(job, n + seed)
    return {"id": uuid.uuid4().hex, "done": done}
