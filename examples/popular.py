import asyncio

from headwater import App, Runtime, Topic, consumer, event


@event("page.clicked")
class Clicked:
    page: str


@consumer("clicks", "popularity", tables={"popular": "page TEXT PRIMARY KEY, clicks INTEGER NOT NULL"})
def count(happened: Clicked) -> list[tuple[str, tuple[str, ...]]]:
    one_more = "INSERT INTO {popular} VALUES (?, 1) ON CONFLICT (page) DO UPDATE SET clicks = {popular}.clicks + 1"
    return [(one_more, (happened.page,))]


app = App("site", topics=[Topic("clicks", partitions=4, backlog=100_000)], consumers=[count])


async def main() -> None:
    async with Runtime.open(app, "sqlite:///site.db", broker="sqlite:///topics.db") as site:
        for number, page in enumerate(["/", "/shop", "/"]):
            await site.publish("clicks", Clicked(page), key=page, id=f"click-{number}")  # the same id counts once
        await site.idle()
        print(await site.sql("SELECT page, clicks FROM popular ORDER BY clicks DESC"))


if __name__ == "__main__":
    asyncio.run(main())
