"""The names the control socket and the command line call operations by."""

from comatrix.gateway.admin.alarms import AlarmOperations
from comatrix.gateway.admin.collaborators import Collaborators, Operation
from comatrix.gateway.admin.commands import CommandOperations
from comatrix.gateway.admin.export import ExportOperations
from comatrix.gateway.admin.grants import GrantOperations
from comatrix.gateway.admin.nodes import NodeOperations
from comatrix.gateway.admin.plot import PlotOperations
from comatrix.gateway.admin.queue import QueueOperations
from comatrix.gateway.admin.rooms import RoomOperations
from comatrix.gateway.admin.watch import WatchOperations


def operations(given: Collaborators) -> dict[str, Operation]:
    """Every operation by its name."""
    room = RoomOperations(given)
    node = NodeOperations(given, room)
    grant = GrantOperations(given, node)
    queue = QueueOperations(given)
    command = CommandOperations(given)
    alarm = AlarmOperations(given)
    watch = WatchOperations(given)
    return {
        "room.create": room.create,
        "room.list": room.list,
        "node.add": node.add,
        "node.list": node.list,
        "node.show": node.show,
        "node.rename": node.rename,
        "node.move": node.move,
        "node.bind": node.bind,
        "node.grant": grant.grant,
        "node.ungrant": grant.ungrant,
        "node.rotate": node.rotate,
        "node.revoke": node.revoke,
        "node.block": node.block,
        "node.unblock": node.unblock,
        "queue.list": queue.list,
        "queue.retry": queue.retry,
        "queue.drop": queue.drop,
        "command.add": command.add,
        "command.list": command.list,
        "command.show": command.show,
        "command.cancel": command.cancel,
        "alarm.set": alarm.set,
        "alarm.list": alarm.list,
        "alarm.off": alarm.off,
        "plot": PlotOperations(given).plot,
        "export": ExportOperations(given).export,
        "status": watch.status,
        "tail": watch.tail,
    }
