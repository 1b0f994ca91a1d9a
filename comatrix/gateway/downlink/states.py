"""The states of a command, from the moment it is queued: one table; docs/reference/command-states.md is made from it.

A state is only ever what is known: "confirmed" is the node's own authenticated word, and what may have been executed
is never called expired, withdrawn or cancelled.
"""

QUEUED = "queued"
ON_AIR = "on_air"
CONFIRMED = "confirmed"
REFUSED = "refused"
WITHDRAWN = "withdrawn"
CANCELLED = "cancelled"
REPLACED = "replaced"
EXPIRED = "expired"
NOT_CONFIRMED = "not_confirmed"

AIRED = "aired"
DONE = "done"
DENIED = "denied"
LOST = "lost"
WITHDREW = "withdrew"
CANCELLED_BY = "cancelled_by"
REPLACED_BY = "replaced_by"
TIMED_OUT = "timed_out"

STATES = {
    QUEUED: "waits for the node's next contact",
    ON_AIR: "handed to the node, its answer is awaited; each answer to the node carries it again until then",
    CONFIRMED: "the node did it and said so",
    REFUSED: "the node refused it, or does not offer it",
    WITHDRAWN: "taken back before it left: its message was removed, who asked may not any more, or its node is gone",
    CANCELLED: "cancelled by a person before it went on air",
    REPLACED: "a newer value for the same setting took its place before it went on air",
    EXPIRED: "its time ran out before the node made contact: it never reached the node",
    NOT_CONFIRMED: "it was on air and no answer came: done or not is not known; a late answer still settles it",
}
EVENTS = {
    AIRED: "an answer that carries it is about to leave",
    DONE: "the node's result: done",
    DENIED: "the node's result: refused, or unknown there; or the node does not offer it any more",
    LOST: "nobody will know any more: the node says so, its keys are gone, or the database is a copy put back",
    WITHDREW: "its message was removed, who asked may not any more, or its node was revoked, provisioned anew or moved",
    CANCELLED_BY: "a person cancels it",
    REPLACED_BY: "the same setting of the same node is set again",
    TIMED_OUT: "its time is over",
}

TRANSITIONS = {
    (QUEUED, AIRED): ON_AIR,
    (QUEUED, DENIED): REFUSED,
    (QUEUED, LOST): NOT_CONFIRMED,
    (QUEUED, WITHDREW): WITHDRAWN,
    (QUEUED, CANCELLED_BY): CANCELLED,
    (QUEUED, REPLACED_BY): REPLACED,
    (QUEUED, TIMED_OUT): EXPIRED,
    # On air it is too late to take it back: the node may have done it already.
    (ON_AIR, DONE): CONFIRMED,
    (ON_AIR, DENIED): REFUSED,
    (ON_AIR, LOST): NOT_CONFIRMED,
    (ON_AIR, TIMED_OUT): NOT_CONFIRMED,
    (NOT_CONFIRMED, DONE): CONFIRMED,
    (NOT_CONFIRMED, DENIED): REFUSED,
}


def step(state: str, event: str) -> str | None:
    """The state after an event; None: nothing changes."""
    return TRANSITIONS.get((state, event))


def final(state: str) -> bool:
    """Whether it is over: neither waits nor is on air. Of these only NOT_CONFIRMED may change, once."""
    return state not in (QUEUED, ON_AIR)
