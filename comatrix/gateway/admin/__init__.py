"""The operations behind the commands: run by the gateway for its control socket, or by the command line offline.

Each takes a mapping of JSON values and returns one (`tail` yields several). What they need is handed in.
"""

from comatrix.gateway.admin.collaborators import Collaborators
from comatrix.gateway.admin.operations import operations

__all__ = ["Collaborators", "operations"]
