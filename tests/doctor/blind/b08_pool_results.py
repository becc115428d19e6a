"""Pages fetched in a pool, in the order in which they come."""
import time
from concurrent.futures import ThreadPoolExecutor, as_completed


def fetch(page):
    time.sleep(0.002)
    return {"page": page, "words": page * 7}


def run(seed: int):
    rows = []
    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(fetch, seed + i) for i in range(5)]
        for future in as_completed(futures):
            rows.append(future.result())
    return rows
