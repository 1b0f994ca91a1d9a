"""What an answer to a person has to be, whatever a node or somebody else put into it."""

from comatrix.gateway.uplink.sanitise import clean_text


def one_clean_line(text: str) -> bool:
    """Fit for a room, and for one line of it."""
    return clean_text(text) == text and "\n" not in text
