"""Channel plans and attributions for people and for ``--json``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from pricebid.report.numbers import change, money, relative, share, tiny
from pricebid.report.plans import signed
from pricebid.report.text import table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pricebid.bidding.channel_plan import ChannelPlan
    from pricebid.landscape.attribution import Attribution

CHANNELS = 20
_SHORT = {"last_non_direct": "not direct", "time_decay": "decay", "shapley_rate": "by rate"}
_DECIMALS_BELOW, _MOST_RULES = 10_000, 8


def channel_report(plan: ChannelPlan) -> RenderableType:
    """Lay out a channel plan: totals, the channels with marginal return, ROI, CAC and LTV, reasons, notices."""
    parts: list[RenderableType] = [_totals(plan), _proof(plan), Text(), _channels(plan), Text(), _reasons(plan)]
    return Group(*parts, *(Text(f"note: {notice}") for notice in plan.notices))


def channel_summary(plan: ChannelPlan) -> dict[str, Any]:
    """Give what plan.json holds, and how many channels change."""
    content: dict[str, Any] = json.loads(plan.to_json())
    spends = dict(zip(plan.channels.tolist(), plan.spend.tolist(), strict=True))
    return {"plan": content, "channels": len(spends), "changed": int((plan.action != "keep").sum()), "spend": spends}


def attribution_report(found: Attribution) -> RenderableType:
    """Lay out conversions by channel, one column per rule, and what the Markov graph would lose without the channel."""
    order = np.argsort(-found.conversions.mean(axis=0), kind="stable")
    digits = 1 if found.total[0] < _DECIMALS_BELOW else 0
    lost = [share(float(one)) for one in found.removal[0]]
    names = [str(found.channels[at]) for at in order[:CHANNELS]]
    counts = [found.conversions[:, at] for at in order[:CHANNELS]]
    last = [lost[at] for at in order[:CHANNELS]]
    if len(order) > CHANNELS:
        names.append(f"{len(order) - CHANNELS} others")
        counts.append(found.conversions[:, order[CHANNELS:]].sum(axis=1))
    names, counts = [*names, "in all"], [*counts, found.conversions.sum(axis=1)]
    last += [""] * (len(names) - len(last))
    rows = [
        (name, *(f"{one:,.{digits}f}" for one in row), end) for name, row, end in zip(names, counts, last, strict=True)
    ]
    conversions, value = found.total
    title = f"Conversions by channel: {conversions:,.0f} worth {money(value)} in {found.paths:,.0f} paths"
    heads = ("channel", *(_SHORT.get(rule, rule) for rule in found.rules))
    # A hundred columns hold nine rules, or eight and what would be lost without the channel.
    if len(found.rules) <= _MOST_RULES:
        heads = (*heads, "lost without")
    shown = table(title, heads, [row[: len(heads)] for row in rows])
    return Group(shown, *(Text(f"note: {notice}") for notice in found.notices))


def attribution_summary(found: Attribution) -> dict[str, Any]:
    """Give totals, and conversions, value and removal effect by channel and rule."""
    conversions, value = found.total
    names = found.channels.tolist()
    return {
        "paths": found.paths,
        "conversions": conversions,
        "value": value,
        "rules": {
            rule: {
                "conversions": dict(zip(names, found.conversions[at].tolist(), strict=True)),
                "value": dict(zip(names, found.value[at].tolist(), strict=True)),
            }
            for at, rule in enumerate(found.rules)
        },
        "removal_effects": dict(zip(names, found.removal[0].tolist(), strict=True)),
        "notices": list(found.notices),
    }


def _totals(plan: ChannelPlan) -> RenderableType:
    totals = plan.totals
    rows = []
    for name, now in totals["now"].items():
        planned, uplift = totals["planned"][name], totals["uplift"].get(name)
        span = "" if uplift is None else f"{signed(uplift['low'])} to {signed(uplift['high'])}"
        words = name.replace("_", " ")
        rows.append((words, money(now), money(planned), signed(planned - now), change(relative(planned, now)), span))
    title = f"Plan for {len(plan.channels)} channels, per {plan.response.frequency}" + (
        f" (money in {plan.currency})" if plan.currency else ""
    )
    return table(title, ("per period", "now", "planned", "change", "", "80 % interval of the change"), rows)


def _proof(plan: ChannelPlan) -> Text:
    budget = "" if not plan.limits else f" One more unit of budget would be worth {plan.budget_price:,.3f}."
    return Text(
        f"Proof: no split is worth more than {money(plan.choice.bound)}; this one is worth {money(plan.choice.value)}, a "
        f"gap of {tiny(plan.choice.gap)}.{budget}"
    )


def _channels(plan: ChannelPlan) -> RenderableType:
    frame = plan.to_frame()
    optional = [name for name in ("roi", "cpa", "cac", "ltv", "ltv_to_cac") if name in frame]
    low, high = frame["marginal_low"], frame["marginal_high"]
    rows = []
    for at, channel in enumerate(plan.channels):
        cells = [share(float(frame[name][at])) if name == "roi" else money(float(frame[name][at])) for name in optional]
        span = f"{frame['marginal_return'][at]:.2f} ({low[at]:.2f} to {high[at]:.2f})"
        rows.append((str(channel), money(plan.now[at]), money(plan.spend[at]), span, *cells))
    names = ("channel", "now", "planned", "next unit brings", *(name.replace("_", " ") for name in optional))
    return table("Channels", names, rows)


def _reasons(plan: ChannelPlan) -> RenderableType:
    parts: list[RenderableType] = [Text("Why", style="bold")]
    for channel, reason in zip(plan.channels, plan.reason, strict=True):
        parts.append(Padding(Text(f"{channel}: {reason}"), (0, 0, 0, 1), expand=False))
    return Group(*parts)
