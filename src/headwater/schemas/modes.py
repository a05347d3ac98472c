"""How compatible the schemas of an event have to stay: the modes of Confluent's schema registry."""

from enum import Enum

from headwater.schemas.comparing import Direction


class Mode(Enum):
    """BACKWARD: the new code reads what the last one wrote; FORWARD: the last code reads what the new one writes; FULL:
    both. TRANSITIVE: so it is with all that came before, and not with the last one alone."""

    BACKWARD = "BACKWARD"
    BACKWARD_TRANSITIVE = "BACKWARD_TRANSITIVE"
    FORWARD = "FORWARD"
    FORWARD_TRANSITIVE = "FORWARD_TRANSITIVE"
    FULL = "FULL"
    FULL_TRANSITIVE = "FULL_TRANSITIVE"
    NONE = "NONE"

    @property
    def transitive(self) -> bool:
        """Whether all that came before counts."""
        return self.value.endswith("_TRANSITIVE")

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Who has to read what."""
        word = self.value.removesuffix("_TRANSITIVE")
        backward = (Direction.BACKWARD,) if word in ("BACKWARD", "FULL") else ()
        return backward + ((Direction.FORWARD,) if word in ("FORWARD", "FULL") else ())
