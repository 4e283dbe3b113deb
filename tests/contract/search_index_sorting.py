"""What every search engine must do: sorted selections, cursors, facets."""

from __future__ import annotations

import random
import threading
from datetime import timedelta

import pytest

from contentcenter.domain.errors import InvalidInput
from contentcenter.search.ports import Filters, Order
from tests.contract.search_index_building import EVERYTHING, NOW, document

FAR = (1 << 62) + 3


def pages(index, size, order=Order.NEWEST, filters=EVERYTHING):
    """All ids, page by page."""
    out: list[int] = []
    after = None
    while True:
        page = index.page(filters, size, order, after)
        assert len(page.ids) <= size
        out += page.ids
        if page.next is None:
            return out
        assert page.next.id == page.ids[-1]
        after = page.next


class SortingContract:
    """A part of the suite."""

    def test_each_order_and_where_the_unknown_goes(self, index):
        hour = timedelta(hours=1)
        index.put([
            document(1, published_at=NOW, price_fen=500),
            document(2, published_at=NOW + hour, price_fen=100),
            document(3, published_at=None, price_fen=None),
            document(4, published_at=NOW, price_fen=0),
            document(FAR, published_at=None, price_fen=500),
            document(6, published_at=NOW - hour, price_fen=None),
        ])  # fmt: skip
        expected = {
            Order.NEWEST: [2, 4, 1, 6, FAR, 3],
            Order.OLDEST: [3, FAR, 6, 1, 4, 2],
            Order.CHEAPEST: [4, 2, 1, FAR, 3, 6],
            Order.DEAREST: [FAR, 1, 2, 4, 6, 3],
        }
        assert index.select(EVERYTHING, 3) == expected[Order.NEWEST][:3]
        for order, wanted in expected.items():
            assert index.select(EVERYTHING, 100, order) == wanted, order
            for size in (1, 2, 3, 6):
                assert pages(index, size, order) == wanted, (order, size)
        assert index.page(EVERYTHING, 6).next is None
        assert index.page(EVERYTHING, 5).next is not None
        assert pages(index, 2, Order.CHEAPEST, Filters(price_min_fen=1)) == [2, 1, FAR]

    def test_a_page_behind_a_place_that_is_gone(self, index):
        index.put([document(n, price_fen=n // 2) for n in range(1, 20)])
        page = index.page(EVERYTHING, 5, Order.CHEAPEST)
        index.remove(page.ids)
        rest = index.page(EVERYTHING, 100, Order.CHEAPEST, page.next)
        assert rest.ids == tuple(range(6, 20))

    @pytest.mark.parametrize("order", [Order.NEWEST, Order.CHEAPEST])
    def test_cursors_hold_while_others_write(self, index, order):
        rng = random.Random(5)
        untouched, touched = range(1, 201), range(201, 301)
        minute = timedelta(minutes=1)

        def one(number, revision):
            known = rng.random() > 0.1
            return document(
                number,
                revision,
                price_fen=rng.randrange(40) if known else None,
                published_at=NOW + minute * rng.randrange(40) if known else None,
            )

        index.put([one(n, 1) for n in (*untouched, *touched)])
        writes, stop, wrong = [0], threading.Event(), []

        def write():
            try:
                while not stop.is_set():
                    writes[0] += 1
                    index.put([one(n, writes[0] + 1) for n in rng.sample(touched, 5)])
                    index.put([one(1000 + writes[0], 1)])
                    index.remove([1000 + rng.randrange(writes[0] + 1)])
            except Exception as error:  # noqa: BLE001 - handed to the test, which fails
                wrong.append(error)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            while writes[0] < 6 and not wrong:
                seen = [one for one in pages(index, 17, order) if one in untouched]
                assert sorted(seen) == list(untouched)
        finally:
            stop.set()
            writer.join()
        assert wrong == []

    def test_facets_count_labels(self, shelf):
        names = ["kind", "tag", "publisher", "category", "source", "year", "price_band"]
        counted = shelf.facets(None, EVERYTHING, names)
        assert counted["kind"] == [("pgc", 2), ("supplier", 1), ("ugc", 1)]
        assert counted["tag"] == [("科幻", 2), ("历史", 1), ("获奖", 1)]
        assert counted["publisher"] == [("人民文学", 2), ("作家", 1)]
        assert counted["category"] == [("other", 2), ("scifi", 2)]
        assert counted["source"] == [("feed", 1)]
        assert counted["year"] == [("1999", 1), ("2008", 1), ("2020", 1), ("2021", 1)]
        assert counted["price_band"] == [("2000-2999", 1), ("3000-3999", 1), ("6000-9999", 1)]
        assert shelf.facets(None, EVERYTHING, ["tag"], size=1) == {"tag": [("科幻", 2)]}
        some = shelf.facets([1, 3, 99], Filters(tags=("科幻",)), ["tag", "year", "price_band"])
        assert some == {
            "tag": [("科幻", 1), ("获奖", 1)],
            "year": [("2020", 1)],
            "price_band": [("2000-2999", 1)],
        }
        with pytest.raises(InvalidInput):
            shelf.facets(None, EVERYTHING, ["colour"])

    def test_price_bands_begin_at_their_lower_bound(self, index):
        prices = (0, 1999, 2000, 5999, 6000, 9999, 10_000, 500_000)
        index.put([document(n, price_fen=price) for n, price in enumerate(prices)])
        index.put([document(100, price_fen=None)])
        counted = index.facets(None, EVERYTHING, ["price_band"])["price_band"]
        assert counted == [
            *[("0-1999", 2), ("10000-", 2), ("6000-9999", 2)],
            *[("2000-2999", 1), ("4000-5999", 1)],
        ]
