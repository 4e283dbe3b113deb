"""What items say of themselves as unit rows."""

from __future__ import annotations

import numpy as np

from recommend.collaborative.side_info import Described, plain_names, side_rows


def described(tags: list[str], author: str = "") -> Described:
    return Described({"tag": plain_names(tags), "author": plain_names([author])})


def test_rows_are_unit_and_alike_where_names_are_shared() -> None:
    rows = side_rows(
        [
            described(["科幻", "太空"], "刘慈欣"),
            described(["科幻", "太空"], "刘慈欣"),
            described(["美食", "科幻"], "汪曾祺"),
            described(["美食"], "汪曾祺"),
            *[described([f"其他{n}", "杂"], f"谁{n}") for n in range(8)],
        ]
    )
    assert rows is not None
    near = (rows @ rows.T).toarray()
    np.testing.assert_allclose(np.diag(near)[:4], 1.0, rtol=1e-5)
    assert near[0, 1] > near[0, 2] > near[0, 3]


def test_a_name_of_one_item_or_of_nearly_all_says_nothing() -> None:
    items = [described(["书", f"只有{n}", "少" if n < 2 else "别的"]) for n in range(9)]
    rows = side_rows(items)
    assert rows is not None
    assert rows.shape[1] == 1
    assert (np.diff(rows.indptr) > 0).tolist() == [True, True] + [False] * 7


def test_unknown_items_have_empty_rows_and_without_shared_names_there_are_none() -> None:
    rows = side_rows([described(["甲"]), None, described(["甲"])])
    assert rows is not None
    assert np.diff(rows.indptr).tolist() == [1, 0, 1]
    assert side_rows([described(["甲"]), described(["乙"]), None]) is None


def test_counts_weigh_by_their_logarithm() -> None:
    many, few = ({"甲": 100.0, "乙": 1.0}, {"甲": 1.0, "乙": 100.0})
    rows = side_rows([Described({"tag": many}), Described({"tag": few}), None, None, None, None])
    assert rows is not None
    first, second = rows[[0, 1]].toarray()
    assert first[0] > first[1]
    np.testing.assert_allclose(first, second[::-1], rtol=1e-6)


def test_names_are_compared_without_case_and_blanks() -> None:
    assert plain_names([" Sci-Fi ", "sci-fi", " "]) == {"sci-fi": 1.0}
