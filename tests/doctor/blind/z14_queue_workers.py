"""Workers take from a queue; results are keyed by the job."""
import queue
import threading


def run(seed: int):
    jobs, results = queue.Queue(), {}
    for n in range(6):
        jobs.put(n)

    def work():
        while True:
            try:
                n = jobs.get_nowait()
            except queue.Empty:
                return
            results[n] = n * seed

    threads = [threading.Thread(target=work) for _ in range(3)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    return [results[n] for n in sorted(results)]
