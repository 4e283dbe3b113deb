"""The room's services as one value, and how they are built from the floor."""

from __future__ import annotations

from dataclasses import dataclass, replace

from contentcenter.domain.channels import ChannelKind
from contentcenter.floor import Floor
from distribute.audience_service import AudienceService
from distribute.callback_service import CallbackService
from distribute.channel_service import ChannelService
from distribute.delivery_service import DeliveryService, Senders
from distribute.experiments.drawing import experiment_rules
from distribute.experiments.service import ExperimentService
from distribute.experiments.strategy_book import StrategyBook
from distribute.follow_service import FollowService
from distribute.health import ChannelHealth
from distribute.ledger import PostLedger
from distribute.link_service import LinkService
from distribute.media_cache import MediaCache, Pictures
from distribute.plan_loading import MatchVariants, no_variants
from distribute.plan_service import PlanService
from distribute.plan_store import PlanStore
from distribute.planner import PlanRules
from distribute.ports import ChannelSender, EventsPort, MatchPort
from distribute.post_service import PostService
from distribute.quota import QuotaLedger
from distribute.rates import RateGate
from distribute.rules import DeliveryRules, rules_from
from distribute.senders.group_robot import GroupRobotSender
from distribute.senders.http import PlatformHttp
from distribute.senders.official_account import OfficialAccountClient, OfficialAccountSender
from distribute.senders.wecom import WeComClient
from distribute.senders.wecom_customers import WeComCustomerSender
from distribute.senders.wecom_groups import WeComGroupSender
from distribute.tailor.copywriter import TemplateCopywriter
from distribute.tailoring import Tailor
from distribute.tokens import TokenStore


@dataclass(frozen=True)
class DistributeServices:
    channels: ChannelService
    audiences: AudienceService
    plans: PlanService
    posts: PostService
    delivery: DeliveryService
    follow: FollowService
    callbacks: CallbackService
    links: LinkService
    senders: Senders
    rules: DeliveryRules
    experiments: ExperimentService


def build_senders(floor: Floor) -> dict[ChannelKind, ChannelSender]:
    """One client for each kind of channel; only base addresses differ from twin to platform."""
    tokens, gate = TokenStore(floor.redis), RateGate(floor.redis)
    timeout = floor.settings.platform_timeout_seconds
    wecom_http = PlatformHttp(floor.settings.wecom_url, timeout)
    wecom = WeComClient(wecom_http, tokens)
    official = OfficialAccountClient(
        PlatformHttp(floor.settings.official_account_url, timeout), tokens
    )
    return {
        ChannelKind.OFFICIAL_ACCOUNT: OfficialAccountSender(
            official, gate, Pictures(floor.settings.media_dir), MediaCache(floor.db), floor.clock
        ),
        ChannelKind.WECOM_GROUPS: WeComGroupSender(wecom, gate),
        ChannelKind.WECOM_CUSTOMERS: WeComCustomerSender(wecom, gate),
        ChannelKind.GROUP_ROBOT: GroupRobotSender(wecom_http, gate),
    }


def build_services(
    floor: Floor,
    *,
    matcher: MatchPort,
    events: EventsPort,
    rules: DeliveryRules | None = None,
    plan_rules: PlanRules | None = None,
    variants: MatchVariants = no_variants,
) -> DistributeServices:
    """All services of the room, without Flask."""
    rules = rules or rules_from(floor.settings)
    db, clock, queue = floor.db, floor.clock, floor.queue
    quota = QuotaLedger()
    ledger = PostLedger(quota)
    senders = build_senders(floor)
    channels = ChannelService(db, clock)
    tailor = Tailor(TemplateCopywriter(), floor.settings.public_url)
    store = PlanStore(db=db, clock=clock, ledger=ledger, quota=quota, tailor=tailor, rules=rules)
    wanted = plan_rules or PlanRules()
    follow = FollowService(
        db=db,
        clock=clock,
        queue=queue,
        ledger=ledger,
        senders=senders,
        channels=channels,
        rules=rules,
    )
    plans = PlanService(
        db=db,
        clock=clock,
        ledger=ledger,
        quota=quota,
        matcher=matcher,
        store=store,
        rules=rules,
        plan_rules=replace(wanted, work_days=rules.work_days),
        strategies=StrategyBook(db, clock),
        variants=variants,
    )
    return DistributeServices(
        channels=channels,
        audiences=AudienceService(db, clock, floor.settings.timezone),
        plans=plans,
        posts=PostService(db=db, clock=clock, ledger=ledger, senders=senders),
        delivery=DeliveryService(
            db=db,
            clock=clock,
            queue=queue,
            ledger=ledger,
            quota=quota,
            senders=senders,
            channels=channels,
            health=ChannelHealth(floor.redis),
            rules=rules,
        ),
        follow=follow,
        callbacks=CallbackService(db, clock, follow, events),
        links=LinkService(db, clock, events, floor.settings.catalogue_url),
        senders=senders,
        rules=rules,
        experiments=ExperimentService(
            db=db, clock=clock, queue=queue, plans=plans, rules=experiment_rules(floor.settings)
        ),
    )
