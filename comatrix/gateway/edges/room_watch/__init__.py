"""Follows the rooms by /sync: what happens to them, and what people say in them (docs/reference/matrix.md)."""

from comatrix.gateway.edges.room_watch.pause import Pause
from comatrix.gateway.edges.room_watch.watch import RoomWatch

__all__ = ["Pause", "RoomWatch"]
