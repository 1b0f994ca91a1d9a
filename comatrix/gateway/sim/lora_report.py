"""What LoRa came to: airtime beside what cannot be beaten, duty cycles, levels at each radio, batteries."""

from typing import Any

from comatrix.gateway.sim.air_books import AirBooks, Transmitter
from comatrix.gateway.sim.energy import mah_a_day
from comatrix.gateway.sim.lora_channel import channel_of, ledger_of
from comatrix.gateway.sim.lora_gateway import GatewayRadios
from comatrix.gateway.sim.scenario import LoraPlan
from comatrix.gateway.sim.simulation import Outcome

ONE_FRAME = 15  # bytes of one reading in a frame of its own
FLOOR = 12  # with nothing but an identifier, a counter of a byte, the reading and a tag of 8 bytes
HOUR_US = 3_600_000_000


def links(out: Outcome) -> dict[str, Any]:
    """Link -> its figures, JSON-ready; empty where nothing is on LoRa."""
    if out.radios is None:
        return {}
    plans = {name: plan for name, plan in out.scenario.links.items() if isinstance(plan, LoraPlan)}
    return {name: _link(out, name, plan, out.radios) for name, plan in sorted(plans.items())}


def _link(out: Outcome, name: str, plan: LoraPlan, radios: GatewayRadios) -> dict[str, Any]:
    books = radios.books
    numbers = [number for number, node in enumerate(out.scenario.nodes, 1) if node.link == name]
    delivered = sum(out.books.delivered_of.get(number, 0) for number in numbers)
    up = [books.transmitters.get(f"node/{number}", Transmitter()) for number in numbers]
    frames, unheard = sum(one.frames for one in up), sum(one.unheard for one in up)
    lost = unheard / frames if frames else 0.0
    channel, allowed_ppm = channel_of(plan), ledger_of(plan).duty_ppm
    one_us = channel.airtime_us(ONE_FRAME, plan.sf)
    spent_us = sum(one.airtime_us for one in up)
    return {
        "sf": plan.sf,
        "frequency_hz": plan.frequency_hz,
        "nodes": len(numbers),
        "delivered": delivered,
        "frames_up": frames,
        "frames_up_heard_by_no_radio": unheard,
        "airtime_ms_a_reading": {
            "used": round(spent_us / 1000 / delivered, 2) if delivered else None,
            "floor": round(channel.airtime_us(FLOOR, plan.sf) / 1000, 2),
            "one_frame": round(one_us / 1000, 2),
            "erasure_limit": round(one_us / 1000 / (1 - lost), 2) if lost < 1 else None,
        },
        "times_the_lossless_link": round(spent_us / one_us / delivered, 3) if delivered else None,
        "duty_cycle_allowed": allowed_ppm / 1_000_000 if allowed_ppm else None,
        "duty_cycle_worst_node": _share(max((one.worst_hour_us for one in up), default=0)),
        "radios": {radio.name: _radio(books, radio.name) for radio in radios.of_link[name]},
    }


def _radio(books: AirBooks, name: str) -> dict[str, Any]:
    sent, outcomes = books.transmitters.get(name, Transmitter()), books.outcomes.get(name, {})
    return {
        "frames_down": sent.frames,
        "duty_cycle_worst_hour": _share(sent.worst_hour_us),
        "airtime_s": round(sent.airtime_us / 1_000_000, 3),
        "heard": {outcome.value: count for outcome, count in outcomes.items() if count},
        "nodes_heard": sum(radio == name for _, radio in books.levels),
    }


def _share(airtime_us: int) -> float:
    """Of an hour."""
    return round(airtime_us / HOUR_US, 6)


def nodes(out: Outcome) -> list[dict[str, Any]]:
    """Each node, in order, JSON-ready: whatever its link is, how its readings fared."""
    return [_node(out, number) for number in range(1, len(out.scenario.nodes) + 1)]


def _node(out: Outcome, number: int) -> dict[str, Any]:
    plan, books = out.scenario.nodes[number - 1], out.books
    east, north = out.fleet.positions[number - 1]
    told: dict[str, Any] = {
        "name": plan.name,
        "link": plan.link,
        "position_m": [round(east, 1), round(north, 1)],
        "readings": books.measured_of.get(number, 0),
        "delivered": books.delivered_of.get(number, 0),
    }
    link = out.scenario.links[plan.link]
    if isinstance(link, LoraPlan) and out.radios is not None:
        told |= _on_lora(out, out.radios, number, link)
    return told


def _on_lora(out: Outcome, radios: GatewayRadios, number: int, link: LoraPlan) -> dict[str, Any]:
    books = radios.books
    name, node = f"node/{number}", out.fleet.lora_nodes[number]
    sent = books.transmitters.get(name, Transmitter())
    battery = mah_a_day(
        sent.airtime_us / 1e6,
        node.listened_us / 1e6,
        out.lasted_ms / 1000,
        out.books.measured_of.get(number, 0),
        link.power_dbm,
    )
    return {
        "frames": sent.frames,
        "frames_heard_by_no_radio": sent.unheard,
        "airtime_s": round(sent.airtime_us / 1e6, 3),
        "duty_cycle_worst_hour": _share(sent.worst_hour_us),
        "listened_s": round(node.listened_us / 1e6, 3),
        "battery_mah_a_day": [round(one, 3) for one in battery],
        "heard_by": {
            radio.name: {
                "frames": level.frames,
                "rssi_dbm": round(level.rssi / level.frames / 10, 1),
                "snr_db": round(level.snr / level.frames / 10, 1),
                "least_snr_db": level.least_snr / 10,
            }
            for radio in radios.of_link[out.scenario.nodes[number - 1].link]
            if (level := books.levels.get((name, radio.name))) is not None
        },
    }
