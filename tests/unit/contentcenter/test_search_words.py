"""The operators' word lists: kept, audited, told to every process."""

from __future__ import annotations

import pytest

from contentcenter.domain.errors import Conflict, InvalidInput
from contentcenter.floor import Floor
from contentcenter.lexicon import Lexicon
from contentcenter.search_words import SearchWordService
from contentcenter.text.build import build_analyser
from contentcenter.text.starter_words import STARTER
from contentcenter.text.synonyms import WordKind
from tests.fixtures.floor import DATABASES

GROUP, ONE_WAY, ALIAS, STOP = WordKind


def service(floor: Floor) -> SearchWordService:
    return SearchWordService(floor.db, floor.clock, floor.analyser)


@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
def test_a_list_is_replaced_and_remembers_who_wrote_what(floor: Floor) -> None:
    words = service(floor)
    assert words.lists().lines == dict(STARTER)
    first = words.save({GROUP: "电脑、计算机\n手机、电话"}, 0, "王编辑")
    assert (first.version, first.edited) == (1, {GROUP})
    second = words.save({GROUP: "手机、电话\n绘本、图画书"}, 1, "李运营")
    assert second.lines[GROUP] == ("手机、电话", "绘本、图画书")
    assert second.lines[ALIAS] == STARTER[ALIAS]
    assert second.updated_by == "李运营"
    last = words.trail()[-1]
    assert (last.actor, last.action) == ("李运营", "search_words_saved")
    assert last.details["added"] == ["绘本、图画书"]
    assert last.details["removed"] == ["电脑、计算机"]


def test_an_empty_list_is_empty_and_a_reset_brings_the_starter_back(floor: Floor) -> None:
    words = service(floor)
    assert words.save({STOP: ""}, 0, "王编辑").lines[STOP] == ()
    assert words.reset(STOP, 1, "王编辑").lines[STOP] == STARTER[STOP]


def test_nobody_overwrites_anothers_change_unseen(floor: Floor) -> None:
    words = service(floor)
    words.save({STOP: "请问"}, 0, "王编辑")
    with pytest.raises(Conflict):
        words.save({STOP: "想找"}, 0, "李运营")
    assert words.lists().lines[STOP] == ("请问",)


def test_one_bad_list_saves_none(floor: Floor) -> None:
    words = service(floor)
    with pytest.raises(InvalidInput):
        words.save({STOP: "请问", GROUP: "一个"}, 0, "王编辑")
    assert words.lists().version == 0


def test_saving_the_same_again_changes_nothing(floor: Floor) -> None:
    words = service(floor)
    words.save({STOP: "请问"}, 0, "王编辑")
    assert words.save({STOP: "请问"}, 1, "王编辑").version == 1
    assert len(words.trail()) == 1


def test_another_process_takes_it_over_with_its_next_look(floor: Floor) -> None:
    other = build_analyser()
    follower = SearchWordService(floor.db, floor.clock, other)
    lexicon = Lexicon(floor.db, other, follower)
    lexicon.refresh()
    service(floor).save({GROUP: "量子书、奇书"}, 0, "王编辑")
    assert floor.analyser.understand("量子书").expansions, "at once where it was saved"
    assert not other.understand("量子书").expansions
    lexicon.refresh()
    assert other.understand("量子书").expansions[0].words == ("奇书",)
