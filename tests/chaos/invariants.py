"""What must hold, whatever happens. Each function gives the violations in words; an empty list is good."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import median

from comatrix.session.replay import Window
from tests.chaos.ledger import Key, Shown, Values, some

FIRST_ANSWER_S = 2.0
MB_OF_GROWTH = 4.0
MB_WITH_FULL_CACHES = 96.0  # steady.py fills them all: 63 to 70 MB were seen
DESCRIPTORS_OF_GROWTH = 4


def all_acknowledged_are_shown(acknowledged: Iterable[Key], shown: Iterable[Shown]) -> list[str]:
    """Every acknowledged (node, enrolment, seq) stands in a room."""
    missing = set(acknowledged) - {one.key for one in shown}
    return [f"{len(missing)} acknowledged records are in no room: {some(missing)}"] if missing else []


def nothing_is_shown_twice(shown: Iterable[Shown]) -> list[str]:
    """Each record stands there once."""
    often = {key: count for key, count in Counter(one.key for one in shown).items() if count > 1}
    return [f"{len(often)} records are shown more than once: {some(often)}"] if often else []


def shown_in_the_nodes_order(shown: Iterable[Shown]) -> list[str]:
    """The records of a node stand in the order of their seq, but those marked late."""
    highest: dict[tuple[int, int], int] = {}
    wrong = []
    for one in shown:
        if one.late:
            continue
        node, seq = one.key[:2], one.key[2]
        if seq <= highest.get(node, -1):
            wrong.append(one.key)
        highest[node] = max(seq, highest.get(node, -1))
    return [f"{len(wrong)} records stand behind later ones and are not marked late: {some(wrong)}"] if wrong else []


def shown_as_measured(measured: Mapping[Key, Values], shown: Iterable[Shown]) -> list[str]:
    """What stands in a room is what the node said, and the node said it."""
    wrong = [one.key for one in shown if measured.get(one.key) != one.values]
    return [f"{len(wrong)} shown records are not what was measured: {some(wrong)}"] if wrong else []


def all_acknowledged_are_stored(acknowledged: Iterable[Key], stored: Iterable[Key]) -> list[str]:
    """An acknowledged record is in the database that a crash left behind."""
    missing = set(acknowledged) - set(stored)
    return [f"{len(missing)} acknowledged records are not in the database: {some(missing)}"] if missing else []


def database_is_whole(said: Sequence[str]) -> list[str]:
    """What PRAGMA integrity_check said."""
    return [] if list(said) == ["ok"] else [f"the database is damaged: {some(said)}"]


def no_answer_before_its_sync(
    answers: Iterable[tuple[float, float]], syncs: Iterable[tuple[float, float]]
) -> list[str]:
    """Between a request and its 2.04 lies a whole sync of the log.

    `answers`: (request received, answer sent); `syncs`: (begun, returned); all moments of one log.
    """
    early = 0
    ordered = sorted(syncs)
    # For each moment, the earliest return of a sync begun at or after it.
    returned: list[float] = [done for _, done in ordered]
    for at in range(len(returned) - 2, -1, -1):
        returned[at] = min(returned[at], returned[at + 1])
    begun = [begin for begin, _ in ordered]
    for received, sent in answers:
        at = _first_at_or_after(begun, received)
        if at == len(begun) or returned[at] > sent:
            early += 1
    return [f"{early} answers of 2.04 left before the log was synced"] if early else []


def _first_at_or_after(moments: Sequence[float], moment: float) -> int:
    from bisect import bisect_left

    return bisect_left(moments, moment)


def no_nonce_seals_two_messages(sealed: Mapping[object, set[bytes]]) -> list[str]:
    """`sealed`: (key, nonce) -> what was sealed with it. Repeats of the same bytes are fine."""
    twice = [str(name) for name, ciphertexts in sealed.items() if len(ciphertexts) > 1]
    return [f"{len(twice)} times a (key, nonce) pair sealed two messages: {some(twice)}"] if twice else []


def replays_change_nothing(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """What the gateway and the rooms held before captured datagrams came again, and after."""
    changed = [name for name in {*before, *after} if before.get(name) != after.get(name)]
    return [f"replayed datagrams changed: {some(changed)}"] if changed else []


def a_record_has_one_transaction(puts: Iterable[tuple[str, Iterable[Key]]]) -> list[str]:
    """A record travels under one transaction id, whatever becomes of the attempts."""
    under: dict[Key, set[str]] = defaultdict(set)
    for txn, keys in puts:
        for key in keys:
            under[key].add(txn)
    wrong = [key for key, txns in under.items() if len(txns) > 1]
    return [f"{len(wrong)} records were sent under several transaction ids: {some(wrong)}"] if wrong else []


def retries_send_the_same_bytes(puts: Iterable[tuple[str, bytes]]) -> list[str]:
    """One transaction id, one content."""
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for txn, digest in puts:
        bodies[txn].add(digest)
    wrong = [txn for txn, digests in bodies.items() if len(digests) > 1]
    return [f"{len(wrong)} transactions were sent again with other bytes: {some(wrong)}"] if wrong else []


def sent_was_sealed_before(sent: Mapping[str, bytes], sealed: Mapping[str, bytes | None]) -> list[str]:
    """Every event that left stands in the database as it left (None: done, its content is in the room)."""
    wrong = [txn for txn, content in sent.items() if txn not in sealed or sealed[txn] not in (None, content)]
    return [f"{len(wrong)} events were sent that the database does not know: {some(wrong)}"] if wrong else []


def counters_were_reserved(used: Mapping[str, int], reserved: Mapping[str, int]) -> list[str]:
    """`used`: the highest counter that left; `reserved`: the stored limit, which is never used again below."""
    wrong = [name for name, counter in used.items() if counter >= reserved.get(name, 0)]
    return [f"{len(wrong)} counters left before they were reserved: {some(wrong)}"] if wrong else []


def memory_is_flat(samples_mb: Sequence[float], growth_mb: float = MB_OF_GROWTH) -> list[str]:
    """Memory of one process over its life: the median of the last quarter against that of the second."""
    return _flat(samples_mb, growth_mb, "MB of memory")


def memory_is_bounded(samples_mb: Sequence[float], limit_mb: float = MB_WITH_FULL_CACHES) -> list[str]:
    """Memory of many lives: a longer log and a longer life may each fill the caches, but none beyond their caps."""
    most = max(samples_mb)
    return [f"memory grew to {most:g} MB; every cache full makes {limit_mb:g}"] if most > limit_mb else []


def descriptors_are_flat(samples: Sequence[float], growth: float = DESCRIPTORS_OF_GROWTH) -> list[str]:
    """Open descriptors, likewise."""
    return _flat(samples, growth, "descriptors")


def _flat(samples: Sequence[float], growth: float, what: str) -> list[str]:
    quarter = len(samples) // 4
    if not quarter:
        return [f"too few samples of {what}"]
    before, after = median(samples[quarter : 2 * quarter]), median(samples[-quarter:])
    return [f"{what} grew from {before:g} to {after:g}"] if after - before > growth else []


def first_answers_come_soon(durations_s: Sequence[float], limit_s: float = FIRST_ANSWER_S) -> list[str]:
    """From a start to the first authenticated answer: the median, as a loaded machine stretches single ones."""
    if not durations_s:
        return ["no restart was measured"]
    middle = median(durations_s)
    return [f"the first answer came {middle:.2f} s after a start (median)"] if middle > limit_s else []


def it_was_killed(status: int | None) -> list[str]:
    """It ended by SIGKILL, not by itself."""
    return [] if status in (-9, 137) else [f"the gateway ended by itself, with status {status}"]


def it_ended_well(status: int | None) -> list[str]:
    """Asked by SIGTERM, it ended with 0."""
    return [] if status == 0 else [f"the gateway, asked to end, ended with status {status}"]


def nothing_is_executed_twice(executed: Mapping[int, int], refused: Mapping[int, int]) -> list[str]:
    """`executed`, `refused`: command -> how often a node did it, or looked at it and refused."""
    often = [number for number in {*executed, *refused} if executed.get(number, 0) + refused.get(number, 0) > 1]
    return [f"{len(often)} commands were executed more than once: {some(often)}"] if often else []


def each_command_has_one_reply(replies: Mapping[int, int]) -> list[str]:
    """One, which is edited; who took the command back may have none."""
    often = [number for number, count in replies.items() if count > 1]
    return [f"{len(often)} commands have several replies: {some(often)}"] if often else []


def each_command_ends_once(said: Mapping[int, Sequence[str]]) -> list[str]:
    """`said`: command -> the states its reply showed. One is final; only that nothing is known may change, once."""
    wrong = []
    for number, states in said.items():
        final = [state for state in states if state != "open"]
        begun = list(states[: len(states) - len(final)])
        ended = len(final) == 1 or (len(final) == 2 and final[0] == "not_confirmed" != final[1])
        if not ended or begun != ["open"] * len(begun):
            wrong.append(f"{number}: {' '.join(states) or 'nothing'}")
    return [f"{len(wrong)} commands did not end in one state: {some(wrong)}"] if wrong else []


def what_is_said_was_done(
    said: Mapping[int, str], executed: Mapping[int, int], refused: Mapping[int, int], aired: Collection[int]
) -> list[str]:
    """`said`: command -> the state it ended in; `aired`: commands that left the gateway, as the link heard it."""
    wrong = [f"{number}: done, and nobody asked for it" for number in {*executed, *refused} if number not in said]
    for number, state in said.items():
        done, denied = bool(executed.get(number)), bool(refused.get(number))
        true = {"confirmed": done, "refused": denied, "not_confirmed": number in aired}
        if not true.get(state, not (done or denied or number in aired)):
            wrong.append(f"{number}: {state}, {'executed' if done else 'refused' if denied else 'not executed'}")
    return [f"{len(wrong)} commands are told wrongly: {some(wrong)}"] if wrong else []


def nothing_was_refused(refusals: Sequence[str]) -> list[str]:
    """No request of a node earned an authenticated refusal."""
    return [f"{len(refusals)} requests were refused: {some(refusals)}"] if refusals else []


def no_traceback(log: str) -> list[str]:
    """What the gateway logged is for people."""
    found = [line for line in log.splitlines() if "Traceback" in line or "never retrieved" in line]
    return [f"{len(found)} tracebacks in the gateway's log"] if found else []


def nothing_is_stored_twice(stored: Iterable[Key]) -> list[str]:
    """The log holds each (node, enrolment, seq) once."""
    often = {key: count for key, count in Counter(stored).items() if count > 1}
    return [f"{len(often)} records are stored more than once: {some(often)}"] if often else []


def answered_requests_stay_known(answered: Iterable[tuple[int, int]], windows: Mapping[int, Window]) -> list[str]:
    """A request (node, counter) that was answered as stored is never taken for a new one."""
    wrong = [one for one in answered if one[0] not in windows or windows[one[0]].fresh(one[1])]
    return [f"{len(wrong)} requests that were answered would be taken again: {some(wrong)}"] if wrong else []


def no_copy_is_suspected(restored: bool) -> list[str]:
    """A power cut is not mistaken for a backup put back, after which every node would have to make new keys."""
    return ["the database was taken for a copy put back"] if restored else []


def secrets_are_whole(user_id: str) -> list[str]:
    """The account's secrets can be read."""
    return [] if user_id.startswith("@") else [f"the secrets are gone: {user_id}"]


def something_was_overheard(answers: int, events: int) -> list[str]:
    """The harness itself: a recorded run in which nothing was promised proves nothing."""
    return [] if answers and events else [f"the recorded run holds {answers} answers and {events} events"]


def it_came_true(came_true: bool, what: str) -> list[str]:
    """Something that had to happen in its time."""
    return [] if came_true else [f"did not come true: {what}"]


def each_record_is_sealed_once(members: Iterable[int], passed: Iterable[int]) -> list[str]:
    """No record is in two events, and none was gone past without being in one."""
    often = Counter(members)
    twice = [id for id, count in often.items() if count > 1]
    never = [id for id in passed if id not in often]
    return [f"records sealed twice: {some(twice)}; gone past, never sealed: {some(never)}"] if twice or never else []
