"""From a room to a node, pure: grammar, grants, what a node can be told, the states of a command, what is answered."""
