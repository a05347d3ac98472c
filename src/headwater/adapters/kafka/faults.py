"""What goes wrong with a cluster, as Headwater's errors: typed, with the cluster's address and what to do."""

from confluent_kafka import KafkaError, KafkaException

from headwater.errors import BadInput, Conflict, HeadwaterError, StoreRefused, StoreUnavailable, UnknownType

_NOBODY_THERE = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)
_REFUSED = (
    KafkaError._AUTHENTICATION, KafkaError._SSL, KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED, KafkaError.POLICY_VIOLATION, KafkaError.INVALID_CONFIG,
    KafkaError.INVALID_SESSION_TIMEOUT, KafkaError.UNSUPPORTED_VERSION, KafkaError._UNSUPPORTED_FEATURE,
    KafkaError.INVALID_REPLICATION_FACTOR, KafkaError.GROUP_MAX_SIZE_REACHED,
)  # fmt: skip
_TOO_LARGE = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE)

OUSTED = (
    KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.STALE_MEMBER_EPOCH, KafkaError.FENCED_MEMBER_EPOCH, KafkaError._ASSIGNMENT_LOST,
)  # fmt: skip
"""Why a group does not take a commit: the member is a member no more, or not yet of the group as it is now."""


def error_of(exception: BaseException) -> KafkaError:
    """What the client says."""
    if isinstance(exception, KafkaException) and exception.args and isinstance(exception.args[0], KafkaError):
        return exception.args[0]
    return KafkaError(KafkaError._FAIL, str(exception))


def translate(exception: BaseException, store: str, topic: str = "") -> BaseException:
    """The typed error for an error of the client; any other error as it is."""
    if isinstance(exception, (KafkaException, KafkaError, RuntimeError)) and not isinstance(exception, HeadwaterError):
        made = meaning(error_of(exception), store, topic)
        made.__cause__ = exception
        return made
    return exception


def meaning(error: KafkaError, store: str, topic: str = "") -> HeadwaterError:
    """The typed error for what the client says. What may pass by itself is a StoreUnavailable."""
    code, why = error.code(), error.str() or error.name()
    if code in _NOBODY_THERE and topic:
        return UnknownType("topic", topic)
    if code == KafkaError.TOPIC_ALREADY_EXISTS:
        return Conflict(f"topic {topic!r} is there")
    if code == KafkaError._INVALID_ARG:
        return BadInput(f"{store}: {why}")
    if code in _REFUSED:
        return StoreRefused(store, why)
    if code in _TOO_LARGE:
        return BadInput(f"topic {topic!r}: {why}; see the limits of the broker and of the topic (max.message.bytes)")
    return StoreUnavailable(store, why)
