"""Results gathered in a list by the tasks themselves."""
import asyncio


class Crawler:
    def __init__(self):
        self.pages = []

    async def visit(self, url):
        await asyncio.sleep(0.001 * len(url))
        self.pages.append(url)


async def run(seed: int):
    crawler = Crawler()
    await asyncio.gather(*[crawler.visit(u) for u in ("/a", "/b", "/c", "/d")])
    return crawler.pages
