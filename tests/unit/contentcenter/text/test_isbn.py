from __future__ import annotations

import pytest

from contentcenter.text.isbn import canonical_isbn, find_isbns, without_isbns

ISBN = "9787536692930"


@pytest.mark.parametrize(
    "raw",
    [
        "9787536692930",
        "978-7-5366-9293-0",
        "978 7 5366 9293 0",
        "9 7 8 7 5 3 6 6 9 2 9 3 0".replace(" ", "-"),
        "7536692935",
        "7-5366-9293-5",
        "９７８７５３６６９２９３０",
    ],
)
def test_every_way_of_writing_gives_thirteen_digits(raw):
    assert canonical_isbn(raw) == ISBN


@pytest.mark.parametrize("raw", ["9787536692931", "7536692931", "13800138000", "", "abc"])
def test_a_wrong_check_digit_or_length_is_no_isbn(raw):
    assert canonical_isbn(raw) is None


def test_the_x_of_an_isbn_10_counts():
    assert canonical_isbn("0-8044-2957-x") == "9780804429573"


def test_isbns_in_a_text_come_once_and_in_order():
    text = "ISBN：978-7-5366-9293-0，又作7-5366-9293-5；另见0-8044-2957-X。电话13800138000"
    assert find_isbns(text) == [ISBN, "9780804429573"]


def test_a_longer_number_holds_no_isbn():
    assert find_isbns("197875366929301") == []


def test_taking_isbns_out_leaves_the_rest():
    assert without_isbns("三体 978-7-5366-9293-0 刘慈欣").split() == ["三体", "刘慈欣"]
    assert without_isbns("9787536692931") == "9787536692931"
