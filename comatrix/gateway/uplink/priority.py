"""What goes first when the account may not send everything at once.

| rank | what                                        | tokens it leaves in the bucket |
|------|---------------------------------------------|--------------------------------|
| 0    | an alarm, and a node's first reading        | 0 |
| 1    | the first reply to a command                | 0 |
| 2    | the final edit of that reply                | 0 |
| 3    | telemetry                                   | 1: an alarm goes at once |
| 4    | an intermediate edit                        | 3 |
| 5    | a reaction                                  | 5 |
"""

ALARM, FIRST_REPLY, FINAL_EDIT, TELEMETRY, INTERMEDIATE_EDIT, REACTION = range(6)

LEAVES = (0, 0, 0, 1, 3, 5)
AGEING_MS = 300_000  # what waits gains a rank in this time: nothing starves
ALARM_SPACING_MS = 30_000  # a node that alarms more often than this waits its turn


def rank(priority: int, waited_ms: int) -> int:
    """Lower goes first."""
    return max(0, priority - max(0, waited_ms) // AGEING_MS)
