"""What a client may ask of the HTTP entrance. Everything is bounded."""

from dataclasses import dataclass

from headwater.errors import DeclarationError


@dataclass(frozen=True)
class Limits:
    """Bounds of the HTTP entrance; times are in seconds."""

    max_body_bytes: int = 1024 * 1024
    """A longer request body is answered 413."""
    body_timeout: float = 10.0
    """A request body that takes longer to arrive is answered 408."""
    request_timeout: float = 60.0
    """A request that takes longer, its body included, is answered 503. Event streams are exempt."""
    max_wait: float = 30.0
    """Longest `?timeout=` of a query that waits for a position."""
    page: int = 50
    """Rows or events of a page when the client does not say how many."""
    max_page: int = 1000
    """Most rows or events of a page; a larger `?limit=` is answered 400."""
    max_offset: int = 1_000_000
    """Largest `?offset=`: a deeper page costs more than it is worth."""
    max_event_streams: int = 256
    """Clients with an open event stream (SSE); the next one is answered 503."""
    heartbeat: float = 15.0
    """Silence on an event stream after which a comment is sent."""

    def __post_init__(self) -> None:
        if wrong := [name for name, value in vars(self).items() if not value > 0]:
            raise DeclarationError(f"limits must be above 0: {', '.join(wrong)}")
        if self.max_wait >= self.request_timeout:
            raise DeclarationError("max_wait must be below request_timeout, or a wait could never end well")
        if self.page > self.max_page:
            raise DeclarationError("page must not be above max_page")
