"""Every sender against the platform twin: one suite, run by all kinds of channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from contentcenter.clock import FixedClock
from contentcenter.domain.channels import AudienceKind, ChannelKind
from contentcenter.domain.errors import (
    AlreadySent,
    CredentialsExpired,
    OutcomeUnknown,
    Refused,
    RetryLater,
)
from contentcenter.domain.posts import PostState
from contentcenter.floor import Floor
from distribute.ports import ChannelAccess, ChannelSender, Outgoing
from distribute.services import build_senders
from tests.fixtures.floor import FloorMaker
from tests.fixtures.twin import TwinProcess, wait_for
from tests.flows.distribute_world import (
    APP_SECRET,
    APPID,
    CORP_SECRET,
    CORPID,
    ROBOT_KEY,
    make_shop,
)

URL = "https://shop.example/t/"
MASS = {"text": "今晚读《三体》", "link": {"title": "三体", "desc": "《三体》 刘慈欣 ¥45.00"}}
ARTICLE = {
    "title": "为什么今晚值得读",
    "author": "编辑小周",
    "digest": "一段话",
    "html": "<p>正文</p>",
    "cover": "",
}


@dataclass(frozen=True)
class Case:
    """A kind of channel, what it sends and where the twin can be made to fail."""

    kind: ChannelKind
    account: str
    credentials: Mapping[str, str]
    audience: AudienceKind
    ref: str
    platform: str
    endpoint: str
    dead_setup: int
    refusal: int
    content: Callable[[str], dict[str, Any]]

    def __str__(self) -> str:
        return str(self.kind)


def mass(code: str) -> dict[str, Any]:
    return {**MASS, "link": {**MASS["link"], "url": URL + code}}  # type: ignore[dict-item]


def case_of_wecom(kind: ChannelKind, audience: AudienceKind, ref: str) -> Case:
    return Case(
        kind,
        CORPID,
        {"secret": CORP_SECRET},
        audience,
        ref,
        "wecom",
        "externalcontact/add_msg_template",
        48002,
        45002,
        mass,
    )


CASES = [
    case_of_wecom(ChannelKind.WECOM_GROUPS, AudienceKind.GROUP, "wr00000"),
    case_of_wecom(ChannelKind.WECOM_CUSTOMERS, AudienceKind.CUSTOMERS, "zhang"),
    Case(
        ChannelKind.OFFICIAL_ACCOUNT,
        APPID,
        {"secret": APP_SECRET},
        AudienceKind.FOLLOWERS,
        "all",
        "official-account",
        "message/mass/sendall",
        48001,
        45062,
        lambda code: {**ARTICLE, "source_url": URL + code},
    ),
    Case(
        ChannelKind.GROUP_ROBOT,
        "robot",
        {"key": ROBOT_KEY},
        AudienceKind.INTERNAL_GROUP,
        "duty",
        "wecom",
        "webhook/send",
        93000,
        40058,
        lambda code: {"markdown": f"今晚读 [三体]({URL}{code})"},
    ),
]


@dataclass
class Bench:
    """A sender and what is remembered about its posts."""

    case: Case
    sender: ChannelSender
    twin: TwinProcess
    clock: FixedClock
    memory: dict[str, Any] = field(default_factory=dict)

    @property
    def channel(self) -> ChannelAccess:
        return ChannelAccess(1, self.case.kind, self.case.account, self.case.credentials, {})

    def post(self, code: str = "code0001") -> Outgoing:
        return Outgoing(
            post_id=1,
            channel=self.channel,
            audience_kind=self.case.audience,
            platform_ref=self.case.ref,
            owner_userid="zhang",
            code=code,
            client_key=f"cc-{code}",
            attempt=1,
            content=self.case.content(code),
            progress=dict(self.memory),
            reference="",
            claimed_at=self.clock.now(),
            remember=self.memory.update,
        )

    def fail(self, kind: str | int, times: int | None = 1, **more: Any) -> None:
        self.twin.fault(self.case.platform, self.case.endpoint, kind, times, **more)

    def calls(self) -> int:
        return int(self.twin.stats()["calls"].get(f"{self.case.platform}/{self.case.endpoint}", 0))


@pytest.fixture
def floor(make_floor: FloorMaker, twin: TwinProcess) -> Floor:
    return make_floor(
        official_account_url=twin.official_url,
        wecom_url=twin.wecom_url,
        platform_timeout_seconds=0.4,
    )


@pytest.fixture(params=CASES, ids=str)
def bench(
    request: pytest.FixtureRequest, floor: Floor, clock: FixedClock, twin: TwinProcess
) -> Bench:
    make_shop(floor, clock, twin).set_up_twin(groups=1, followers=3)
    case: Case = request.param
    return Bench(case, build_senders(floor)[case.kind], twin, clock)


def test_a_send_is_accepted_and_followed_to_its_end(bench: Bench) -> None:
    bench.sender.check(bench.channel)
    accepted = bench.sender.send(bench.post())
    assert accepted.reference
    sent = replace(bench.post(), reference=accepted.reference)
    bench.twin.confirm()
    wait_for(lambda: bench.sender.follow_up(sent).state is PostState.DELIVERED)


def test_turns_are_granted_and_counted(bench: Bench) -> None:
    granted, wait = bench.sender.take_turns(bench.channel, 3)
    assert (granted, wait) == (3, 0)


def test_a_busy_platform_means_later(bench: Bench) -> None:
    bench.fail(-1)
    with pytest.raises(RetryLater):
        bench.sender.send(bench.post())
    assert bench.sender.send(bench.post()).reference


def test_no_answer_means_unknown(bench: Bench) -> None:
    for fault in ("timeout_before_effect", "html_502"):
        bench.fail(fault, seconds=1.0)
        with pytest.raises(OutcomeUnknown):
            bench.sender.send(bench.post())


def test_nobody_listening_means_later(bench: Bench, make_floor: FloorMaker) -> None:
    nowhere = make_floor(official_account_url="http://127.0.0.1:1", wecom_url="http://127.0.0.1:1")
    sender = build_senders(nowhere)[bench.case.kind]
    with pytest.raises(RetryLater):
        sender.send(bench.post())


def test_a_missing_right_asks_for_a_person(bench: Bench) -> None:
    bench.fail(bench.case.dead_setup)
    with pytest.raises(CredentialsExpired):
        bench.sender.send(bench.post())


def test_a_refusal_is_for_good_and_carries_the_platforms_code(bench: Bench) -> None:
    bench.fail(bench.case.refusal)
    with pytest.raises(Refused) as caught:
        bench.sender.send(bench.post())
    assert caught.value.platform_code == bench.case.refusal


def test_no_secret_is_in_any_message(bench: Bench) -> None:
    bench.fail("timeout_before_effect", seconds=1.0)
    with pytest.raises(OutcomeUnknown) as caught:
        bench.sender.send(bench.post())
    shown = f"{caught.value} {caught.value.__cause__} {bench.post()}"
    assert "access_token=" not in shown.replace("access_token=***", "")
    assert not any(secret in shown for secret in bench.case.credentials.values())


def test_a_probe_finds_what_took_effect(bench: Bench) -> None:
    if not bench.sender.capabilities.can_probe:
        pytest.skip("this platform cannot be asked")
    bench.fail("timeout_after_effect", seconds=1.0)
    with pytest.raises(OutcomeUnknown):
        bench.sender.send(bench.post())
    bench.twin.advance(61)
    answer = bench.sender.probe([bench.post()])[1]
    assert answer.took_effect
    assert answer.reference


def test_a_probe_of_what_never_left_says_so(bench: Bench) -> None:
    if not bench.sender.capabilities.can_probe:
        assert bench.sender.probe([bench.post()])[1].took_effect is None
        return
    assert bench.sender.probe([bench.post()])[1].took_effect is False


# -- what only some kinds do --------------------------------------------------------------------


@pytest.mark.parametrize("bench", CASES[:1], indirect=True, ids=str)
class TestWeComGroups:
    def test_it_waits_for_the_owner(self, bench: Bench) -> None:
        accepted = bench.sender.send(bench.post())
        sent = replace(bench.post(), reference=accepted.reference)
        assert bench.sender.follow_up(sent).state is PostState.WAITING_OWNER

    def test_a_group_of_another_owner_is_refused(self, bench: Bench) -> None:
        with pytest.raises(Refused):
            bench.sender.send(replace(bench.post(), owner_userid="li"))

    def test_a_second_post_of_the_day_does_not_arrive(self, bench: Bench) -> None:
        for code in ("code0001", "code0002"):
            accepted = bench.sender.send(bench.post(code))
            bench.twin.confirm()
        sent = replace(bench.post(), reference=accepted.reference)
        found = bench.sender.follow_up(sent)
        assert (found.state, found.reason) == (PostState.FAILED, "received_other_posts")

    def test_a_task_cancelled_on_the_platform_has_failed(self, bench: Bench) -> None:
        accepted = bench.sender.send(bench.post())
        sent = replace(bench.post(), reference=accepted.reference)
        bench.sender.cancel(sent)  # type: ignore[attr-defined]
        found = bench.sender.follow_up(sent)
        assert (found.state, found.reason) == (PostState.FAILED, "cancelled_on_platform")


@pytest.mark.parametrize("bench", CASES[2:3], indirect=True, ids=str)
class TestOfficialAccount:
    def test_steps_done_are_not_done_again(self, bench: Bench) -> None:
        bench.fail(-1)
        with pytest.raises(RetryLater):
            bench.sender.send(bench.post())
        bench.sender.send(bench.post())
        calls = bench.twin.stats()["calls"]
        assert calls["official-account/draft/add"] == 1
        assert calls["official-account/material/add_material"] == 1

    def test_the_same_key_is_never_sent_twice(self, bench: Bench) -> None:
        accepted = bench.sender.send(bench.post())
        bench.twin.advance(61)
        with pytest.raises(AlreadySent) as caught:
            bench.sender.send(bench.post())
        assert caught.value.reference == accepted.reference

    def test_the_quota_of_the_day_is_told_apart_from_a_refusal(self, bench: Bench) -> None:
        bench.sender.send(bench.post())
        bench.memory.clear()
        with pytest.raises(RetryLater) as caught:
            bench.sender.send(bench.post("code0002"))
        assert caught.value.details["quota"] is True

    def test_a_draft_deleted_by_hand_is_made_again(self, bench: Bench) -> None:
        bench.memory["draft"] = "gone"
        with pytest.raises(RetryLater):
            bench.sender.send(bench.post())
        assert bench.sender.send(bench.post()).reference

    def test_after_the_keys_life_the_draft_is_asked(self, bench: Bench) -> None:
        bench.fail("timeout_after_effect", seconds=1.0)
        with pytest.raises(OutcomeUnknown):
            bench.sender.send(bench.post())
        before = bench.calls()
        bench.clock.advance(timedelta(hours=25))
        assert bench.sender.probe([bench.post()])[1].took_effect
        assert bench.calls() == before, "no repeat without a living key"

    def test_a_protected_account_waits_for_its_administrator(self, bench: Bench) -> None:
        bench.twin.setup({"official_accounts": [{"appid": APPID, "protected": True}]})
        accepted = bench.sender.send(bench.post())
        sent = replace(bench.post(), reference=accepted.reference)
        assert bench.sender.follow_up(sent).state is PostState.WAITING_OWNER

    def test_a_token_lost_early_is_replaced(self, bench: Bench) -> None:
        bench.sender.check(bench.channel)
        bench.twin.admin("expire_token", {"platform": "official-account", "account": APPID})
        assert bench.sender.send(bench.post()).reference
