"""What an application's topics mean over HTTP, for the OpenAPI document."""

from functools import partial

from headwater.delivery.mapping import MAX_VERSION_DIGITS
from headwater.fold import Topic
from headwater.http import arriving, ingest
from headwater.http import describe as say
from headwater.http.commands import ID_PATTERN, KEY_PATTERN, MAX_CHARS
from headwater.http.describe import Json
from headwater.http.schemas import ProblemDetails, Schemas
from headwater.http.topics import TopicList, TopicState
from headwater.http.wire import JSON_BATCH
from headwater.streaming.port import MAX_KEY_CHARS

PUBLISH = (
    "Answered once the broker has it for good; all of it, or nothing. CloudEvents 1.0 one by one, in a batch, one to a "
    "line, or in binary form: any content, with the attributes in `ce-` headers. The record's key is `partitionkey`, "
    "else `subject`, else `key`; an event that comes again, by `source` and `id`, counts once. `actor` is left out. "
    "Plain JSON is a value without attributes."
)
KEY = "The key of what has none: records of one key keep their order."
ID = "The id of plain JSON: what comes again with it counts once."
TYPE = "The type of plain JSON."
IDEMPOTENCY_KEY = "The id of plain JSON; goes before `id`."
CORRELATION = "The conversation of what names none."
TRACE = "The W3C trace context of what has none. A malformed one is left out."
KEPT = "Where the records lie, in the order in which they came."
LINES = "CloudEvents in JSON, one to a line."

_BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_IS_JSON = "^[^;]*[/+][Jj][Ss][Oo][Nn] *(;.*)?$"


class TopicOperations:
    """Makes the operations on topics; every status that can occur is among their responses."""

    def __init__(self, schemas: Schemas, actor_header: str) -> None:
        self._ref = schemas.ref
        self._actor = actor_header
        self._failures = partial(say.failures, schemas.ref(ProblemDetails))

    def paths(self, topics: list[Topic]) -> Json:
        """Those of all topics, and the one that lists them."""
        if not topics:
            return {}
        listed = self._looking("topics", "The topics, and how they are set", "All topics.", TopicList, 400, 500, 503)
        return {"/topics": {"get": listed}} | {f"/topics/{topic.name}": self._topic(topic) for topic in topics}

    def _topic(self, topic: Topic) -> Json:
        name = topic.name
        summary = f"What lies in {name}, and who is behind"
        shown = self._looking(f"topic.{name}", summary, "As it is now.", TopicState, 400, 404, 500, 503)
        return {"get": shown, "post": self._publish(topic)} if ingest.takes(topic) else {"get": shown}

    def _looking(self, id: str, summary: str, what: str, type: type, *failures: int) -> Json:
        responses = {"200": say.answer(what, self._ref(type)), **self._failures(*failures)}
        return {"operationId": id, "summary": summary, "tags": ["topics"], "responses": responses}

    def _publish(self, topic: Topic) -> Json:
        text = {"type": "string", "minLength": 1, "pattern": arriving.TEXT}
        parameters = [
            {"name": "key", "in": "query", "description": KEY, "schema": text | {"maxLength": MAX_KEY_CHARS}},
            {"name": "id", "in": "query", "description": ID, "schema": text | {"maxLength": MAX_CHARS}},
            {"name": "type", "in": "query", "description": TYPE, "schema": text | {"maxLength": MAX_CHARS}},
            say.header("Idempotency-Key", IDEMPOTENCY_KEY, pattern=KEY_PATTERN, maxLength=MAX_CHARS),
            say.header("X-Correlation-ID", CORRELATION, pattern=ID_PATTERN, maxLength=MAX_CHARS),
            say.header("traceparent", TRACE),
        ]
        if self._actor:
            parameters.append(say.header(self._actor, say.ACTOR, pattern=ID_PATTERN, maxLength=MAX_CHARS))
        event = _event()
        schemas: dict[bytes, Json] = {
            ingest.STRUCTURED: event,
            JSON_BATCH: {"type": "array", "items": event, "description": f"At most {ingest.most(topic)}."},
            ingest.PLAIN: {},
            ingest.LINES: {"type": "string", "description": LINES},
        }
        return {
            "operationId": f"publish.{topic.name}",
            "summary": f"Publish to {topic.name}",
            "description": PUBLISH,
            "tags": ["topics"],
            "parameters": parameters,
            "requestBody": {
                "required": True,
                "content": {name.decode(): {"schema": schema} for name, schema in schemas.items()},
            },
            "responses": {
                "200": say.answer(KEPT, self._ref(ingest.Kept)),
                **self._failures(400, 404, 408, 413, 415, 429, 500, 503),
            },
        }


def _event() -> Json:
    """The schema of a CloudEvent that comes in: null means that an attribute is not there."""
    text: Json = {"type": "string", "minLength": 1, "pattern": arriving.TEXT}
    maybe: Json = {**text, "type": ["string", "null"]}
    most, version = arriving.MAX_INTEGER, 10**MAX_VERSION_DIGITS - 1
    return {
        "type": "object",
        "required": list(arriving.REQUIRED),
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text,
            "source": text | {"pattern": arriving.SOURCE},
            "type": text,
            "subject": maybe | {"maxLength": MAX_KEY_CHARS},
            "partitionkey": maybe | {"maxLength": MAX_KEY_CHARS},
            "time": maybe | {"format": "date-time", "pattern": arriving.TIME},
            "datacontenttype": maybe,
            "dataschema": maybe,
            "typeversion": {"type": ["integer", "null"], "minimum": 1, "maximum": version},
            "data": {},
            "data_base64": {"type": "string", "contentEncoding": "base64", "pattern": _BASE64},
        },
        "propertyNames": {"pattern": "^([a-z0-9]+|data_base64)$"},
        "additionalProperties": {
            "type": ["string", "integer", "boolean", "null"],
            "pattern": arriving.TEXT,
            "minimum": -most - 1,
            "maximum": most,
        },
        "not": {"required": ["data", "data_base64"]},
        "anyOf": [
            {"properties": {"datacontenttype": {"type": ["string", "null"], "pattern": _IS_JSON}}},
            {"properties": {"data": {"type": "string"}}},
        ],
    }
