"""What `!cx help` answers: plain lines, short enough for a phone."""

from comatrix.codec.description import Description
from comatrix.gateway.downlink import catalogue
from comatrix.gateway.downlink.grammar import PREFIX
from comatrix.gateway.downlink.verbs import LEVELS, VERBS, Level, Verb, allowed_at
from comatrix.gateway.uplink.sanitise import clean_name

_HINTS = (
    "What a node can be told: {prefix} help NODE",
    "How long it may wait: ttl=10min, ttl=2h, ttl=1d",
    "A text may stand in quotes.",
)


def help_text(level: Level = LEVELS[-1], prefix: str = PREFIX) -> str:
    """Every command that somebody of `level` may type, a line each."""
    told = [f"{verb.usage} - {verb.meaning}" for verb in allowed_at(level)]
    return "\n".join([f"Each line after {prefix}:", *told, "", *(line.format(prefix=prefix) for line in _HINTS)])


def verb_help_text(verb: Verb, prefix: str = PREFIX) -> str:
    """One command: how it is written, what it does, who may, an example."""
    return "\n".join(
        [
            f"{verb.usage} - {verb.meaning}",
            f"Who may: {verb.level}{f'; {verb.name} {verb.looks}: view' if verb.looks else ''}",
            *([f"Options: {', '.join(f'{option}=' for option in verb.options)}"] if verb.options else []),
            f"For example: {prefix} {verb.example}",
        ]
    )


def node_help_text(node: str, description: Description | None, prefix: str = PREFIX) -> str:
    """What `node` can be told, by its own description; None: it has not told yet."""
    name = clean_name(node)
    say = f"say {name} TEXT... - {VERBS['say'].meaning}"
    if description is None:
        return f"{name} has not told yet what it can do: it will at its next start. Until then:\n{say}"
    first = [f"get {name} {clean_name(setting.name)}" for setting in description.settings[:1]]
    example = [f"For example: {prefix} {line}" for line in first]
    return "\n".join([f"{name} can be told:", *catalogue.lines(description), say, *example])
