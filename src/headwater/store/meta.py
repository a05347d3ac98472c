"""What stores keep with an event besides its data, as one column of JSON."""

import msgspec

from headwater.messages import NO_METADATA, Metadata, NewEvent


class StoredMeta(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The `meta` column: what goes with an event besides its data."""

    id: str = ""
    tags: tuple[str, ...] = ()
    correlation_id: str = ""
    causation_id: str = ""
    traceparent: str = ""
    actor: str = ""

    @property
    def metadata(self) -> Metadata:
        return Metadata(self.correlation_id, self.causation_id, self.traceparent, self.actor)


_encode_meta = msgspec.json.Encoder().encode
_decode_meta = msgspec.json.Decoder(StoredMeta).decode


def encode_meta(event: NewEvent) -> str:
    """The `meta` column of a new event."""
    meta = event.metadata
    if meta is NO_METADATA and not event.tags and not event.id:
        return ""
    stored = StoredMeta(event.id, event.tags, meta.correlation_id, meta.causation_id, meta.traceparent, meta.actor)
    return _encode_meta(stored).decode()


def decode_meta(text: str) -> StoredMeta:
    """What a `meta` column says."""
    return _decode_meta(text) if text else _NOTHING


_NOTHING = StoredMeta()
