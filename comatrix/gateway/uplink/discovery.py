"""What is here, in CoRE link format (RFC 6690), filtered as a request asks. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from comatrix.gateway.uplink.formats.reading import READERS

LINK_FORMAT = 40
PATH = ".well-known/core"


@dataclass(frozen=True, slots=True)
class Link:
    """A resource: `rt` what it is, `interface` how it is used, in words, `ct` the content formats it takes beside its
    own, `size` how many bytes to expect."""

    href: str
    rt: str
    interface: str
    ct: Sequence[int] = ()
    size: int | None = None
    observable: bool = False

    def attributes(self) -> dict[str, list[str]]:
        """By name, each with the values it lists; a flag has none."""
        found = {"rt": self.rt.split(), "if": self.interface.split(), "ct": [str(number) for number in self.ct]}
        found["sz"] = [] if self.size is None else [str(self.size)]
        found = {name: values for name, values in found.items() if values}
        return found | {"obs": []} if self.observable else found

    def text(self) -> str:
        """As it stands in the document."""
        parts = [f"<{self.href}>"]
        for name, values in self.attributes().items():
            bare = not values or (name in ("ct", "sz") and len(values) == 1)
            value = "".join(values) if bare else f'"{" ".join(values)}"'
            parts.append(f"{name}={value}" if value else name)
        return ";".join(parts)

    def matches(self, query: str) -> bool:
        """Whether "name=value" holds of it; a value may end in * (section 4.1)."""
        name, _, pattern = query.partition("=")
        values = [self.href] if name == "href" else self.attributes().get(name, [])
        if pattern.endswith("*"):
            return any(value.startswith(pattern[:-1]) for value in values)
        return pattern in values


TAKES, GIVES, BOTH = "comatrix.post", "comatrix.get", "comatrix.both"
LINKS = (
    Link("/r", "comatrix.readings", TAKES, tuple(READERS)),
    Link("/m", "comatrix.text", TAKES),
    Link("/c", "comatrix.item", BOTH, observable=True),
    Link("/h", "comatrix.hello", TAKES),
    Link("/d", "comatrix.description", TAKES),
    Link("/t", "comatrix.time", GIVES),
    Link(f"/{PATH}", "core.link-format", GIVES, (LINK_FORMAT,)),
)


def document(queries: Iterable[bytes], links: Sequence[Link] = LINKS) -> bytes:
    """The links that every query holds of; empty where there is none."""
    asked = [query.decode(errors="replace") for query in queries]
    return ",".join(link.text() for link in links if all(map(link.matches, asked))).encode()
