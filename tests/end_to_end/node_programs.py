"""main.py files for nodes that hurry: they post by themselves instead of waiting for a sensor's interval."""

# Posts `count` readings, numbered by their value, and ends when the gateway has acknowledged all of them.
POST_MANY = """\
from comatrix_node.node import Node

node = Node()
posted = 0
while posted < {count} or node.pending():
    if posted < {count} and len(node.waiting) < 4:
        node.post({{"count": posted, "temperature": 20 + posted / 100}})
        posted += 1
    node.step(1000)
print("done", node.delivered, node.refused, node.dropped)
"""

# Numbers its readings through resets: `numbers.txt` is written before one is posted. Prints what was acknowledged.
POST_THROUGH_RESETS = """\
import os

from comatrix_node.node import Node

try:
    with open("numbers.txt") as file:
        number = int(file.read())
except OSError:
    number = 0
node = Node()
told = []
known = 0
while True:
    if len(node.waiting) < 2 and number < {count}:
        with open("numbers.new", "w") as file:
            file.write(str(number + 1))
        os.rename("numbers.new", "numbers.txt")  # a reset in between leaves the old number, not an empty file
        node.post({{"count": number}})
        told.append(number)
        number += 1
    node.step({pause_ms})
    while known < node.delivered:
        print("acknowledged", told[known])
        known += 1
    if number == {count} and not node.pending():
        break
print("done", node.delivered, node.refused, node.dropped)
"""

# Posts `count` readings, one every `pause_ms`.
POST_SLOWLY = """\
import time

from comatrix_node.node import Node

node = Node()
for number in range({count}):
    node.post({{"count": number}})
    while node.pending():
        node.step(1000)
    time.sleep_ms({pause_ms})
"""

# Obeys, and appends a line to done.txt for each execution, as a person reads the command: the world's own account.
_OBEDIENT = """\
from comatrix_node.node import Node


def did(what):
    with open("done.txt", "a") as file:
        file.write(what + "\\n")


def obedient():
    node = Node()
    node.setting("level", low=0, high=100000, on_change=lambda level: did("level = %d" % level))
    node.method("lamp", ("number", "", 0, 100000))(lambda number: did("lamp(%d)" % number))
    node.on_text(lambda text: did('"' + text + '"'))
    node.sensor("count")(lambda: 1)
    return node

"""
OBEY = _OBEDIENT + "\nobedient().run()\n"

# The same, with a method that always refuses.
OBEY_OR_SULK = (
    _OBEDIENT
    + """
node = obedient()


@node.method("sulk")
def sulk():
    raise ValueError("not today")


node.run()
"""
)

# The same by a node that is awake only to read and to send. A board begins anew after its deep sleep; here a sleep and
# a new Node stand for that, with a socket, and so an address, of its own. Who wakes up says no hello.
OBEY_ASLEEP = (
    _OBEDIENT
    + """
while True:
    node = obedient()
    node.greeted = not node.fresh
    node.run_once({awake_ms})
"""
)
