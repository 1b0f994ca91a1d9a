"""What a node that made new keys may have forgotten is not handed to it again."""

from comatrix.gateway.downlink import states
from tests.gateway.store.ordering import INTERVAL, REBOOT, new, result
from tests.gateway.store.test_mail import Gateway, gateway  # noqa: F401 - a fixture


async def test_what_a_node_with_new_keys_may_have_forgotten_goes_on_air_no_more(gateway: Gateway) -> None:  # noqa: F811
    """It executed the item, and its flash was erased before its result left: the same id would be new to it."""
    await gateway.put(new(REBOOT))
    await gateway.put(new(INTERVAL))
    assert await gateway.mail.air(1) is not None
    await gateway.mail.rekeyed(1)
    assert [gateway.item(number).state for number in (1, 2)] == [states.NOT_CONFIRMED, states.QUEUED]
    following = await gateway.mail.air(1)
    assert following is not None and following.id == 2
    await gateway.append(result(1, 1))
    await gateway.mail.result_stored()
    assert gateway.item(1).state == states.CONFIRMED, "a late word still counts"
