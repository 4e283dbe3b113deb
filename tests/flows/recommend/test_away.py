"""Without the index, the embedder or Redis the room still answers, and says so."""

from __future__ import annotations

from dataclasses import replace

import redis

from contentcenter.embedding.client import RemoteEmbedder
from recommend.search.request import SearchRequest
from recommend.services import build_services
from tests.fixtures.away import AwayIndex
from tests.fixtures.topics import World
from tests.fixtures.valkey import free_port


def test_without_the_index_search_and_feed_answer_from_the_store(world: World) -> None:
    view = world.services.corpus.view()
    broken = build_services(replace(world.floor, index=AwayIndex()))
    broken.corpus._keep(view)
    answer = broken.search.search(SearchRequest(q="火锅", facets=("category",)))
    assert [one.card.title for one in answer.items] == ["四川火锅"]
    assert (answer.degraded, answer.away) == (True, ("index",))
    assert dict(answer.facets["category"]) == {"food": 1}
    feed = broken.feed.page("r", size=10)
    assert len(feed.items) == 10
    assert feed.away == ("index",)
    matches = broken.matches.ranked(world.scifi, 5)
    assert matches.degraded
    assert len(matches.items) == 5
    assert broken.search.similar(world.items[0]).degraded


def test_without_the_embedder_search_uses_words_alone(world: World) -> None:
    away = RemoteEmbedder(f"http://127.0.0.1:{free_port()}")
    services = build_services(replace(world.floor, embedder=away))
    answer = services.search.search(SearchRequest(q="四川火锅"))
    away.close()
    assert answer.items[0].card.title == "四川火锅"
    assert answer.away == ("embedder",)


def test_without_redis_pages_still_follow_each_other(world: World) -> None:
    gone = redis.Redis(port=free_port(), socket_timeout=1)
    services = build_services(replace(world.floor, redis=gone))
    first = services.search.search(SearchRequest(size=20))
    second = services.search.search(SearchRequest(size=20, cursor=first.next_cursor))
    ids = [one.card.id for one in (*first.items, *second.items)]
    assert len(ids) == len(set(ids)) == 24
    assert services.feed.page("r").items
