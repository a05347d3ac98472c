"""An AsyncAPI 3.0 document of an application: its topics, what goes through them, who sends and who receives.

Payloads are in AsyncAPI's own schema format, a superset of JSON Schema draft-07, which every tool for it reads.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from headwater.codec import about, kind_of
from headwater.fold import App, Consumer, Topic
from headwater.schemas.describing import Describer
from headwater.schemas.examples import example_of

Json = dict[str, Any]

ABOUT = "Events go through topics as CloudEvents 1.0.2 in binary form: attributes in `ce-` headers, data as the value."
_ATTRIBUTES = {
    "ce-id": "Names the event; a repetition has the same.",
    "ce-source": "Who published it.",
    "ce-subject": "The stream that it was recorded in.",
    "ce-streamversion": "Its number in that stream.",
    "ce-position": "Its position in the store.",
    "ce-correlationid": "The conversation that it belongs to.",
    "ce-causationid": "The message that caused it.",
    "ce-traceparent": "A W3C trace context.",
    "ce-actor": "Who asked for it.",
}
_ALWAYS = ["ce-id", "ce-source", "ce-specversion", "ce-time", "ce-type", "ce-typeversion", "content-type"]


def asyncapi(app: App, version: str = "1") -> Json:
    """The document; `version` is that of the application. Raises DeclarationError for an example that is none."""
    names = list(dict.fromkeys([*(each.name for each in app.topics), *(each.topic for each in app.consumers)]))
    classes = {name: _classes(app, name) for name in names}
    declared = {topic.name: topic for topic in app.topics}
    describer = Describer("#/components/schemas/{}")
    every = dict.fromkeys(cls for found in classes.values() for cls in found)
    messages = {message_name(cls): _message(cls, describer) for cls in every}
    sending = {f"send_{name}": _send(declared[name], classes[name]) for name in names if name in declared}
    receiving = {f"receive_{each.name}": _receive(each) for each in app.consumers}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": app.name, "version": version, "description": ABOUT},
        "defaultContentType": "application/json",
        "channels": {name: _channel(name, declared.get(name), classes[name]) for name in names},
        "operations": sending | receiving,
        "components": {"messages": messages, "schemas": _draft_07(describer.definitions())},
    }


def message_name(cls: type) -> str:
    """The name of an event class in the document."""
    kind = kind_of(cls)
    return f"{kind.type}.v{kind.version}"


def _classes(app: App, name: str) -> list[type]:
    relayed = [cls for topic in app.topics if topic.name == name for cls in topic.events]
    return list(
        dict.fromkeys([*relayed, *(cls for each in app.consumers if each.topic == name for cls in each.events)])
    )


def _channel(name: str, topic: Topic | None, classes: Iterable[type]) -> Json:
    channel: Json = {
        "address": name,
        "messages": {message_name(cls): {"$ref": f"#/components/messages/{message_name(cls)}"} for cls in classes},
    }
    if topic is not None:
        channel["description"] = f"{topic.partitions} partitions; the records of one key keep their order."
        channel["x-partitions"] = topic.partitions
        if topic.max_age is not None:
            channel["x-max-age"] = msgspec.to_builtins(topic.max_age)
        channel["x-max-record-bytes"] = topic.max_record_bytes
    return channel


def _send(topic: Topic, classes: Iterable[type]) -> Json:
    how = "Relays what was recorded, keyed by stream." if topic.events else "Publishes what happens."
    return _operation("send", topic.name, topic.events or classes, how)


def _receive(consumer: Consumer[Any]) -> Json:
    said = (consumer.do.__doc__ or "").strip().split("\n")[0]
    return _operation("receive", consumer.topic, consumer.events, said or f"The group {consumer.name}.")


def _operation(action: str, topic: str, classes: Iterable[type], summary: str) -> Json:
    messages = [{"$ref": f"#/channels/{topic}/messages/{message_name(cls)}"} for cls in classes]
    found: Json = {"action": action, "channel": {"$ref": f"#/channels/{topic}"}, "summary": summary}
    return found | ({"messages": messages} if messages else {})


def _message(cls: type, describer: Describer) -> Json:
    kind, owner, example = kind_of(cls), about(cls).owner, example_of(cls)
    said = (cls.__doc__ or "").strip() if not (cls.__doc__ or "").startswith(f"{cls.__name__}(") else ""
    message: Json = {
        "name": kind.type,
        "title": cls.__name__,
        "contentType": "application/json",
        "correlationId": {"location": "$message.header#/ce-correlationid"},
        "headers": _headers(kind.type, kind.version),
        "payload": _draft_07(describer.ref(cls)),
    }
    message |= {"description": said} if said else {}
    message |= {"tags": [{"name": f"owner: {owner}"}], "x-owner": owner} if owner else {}
    if example is not None:
        headers = _example_headers(kind.type, kind.version)
        name = "declared" if example.declared else "made up"
        message["examples"] = [{"name": name, "headers": headers, "payload": example.value}]
    return message


def _headers(type: str, version: int) -> Json:
    properties: Json = {
        "ce-specversion": {"type": "string", "const": "1.0"},
        "ce-type": {"type": "string", "const": type},
        "ce-typeversion": {"type": "string", "const": str(version), "description": "The version of the payload."},
        "ce-time": {"type": "string", "format": "date-time", "description": "When it happened."},
        "content-type": {"type": "string", "const": "application/json"},
    }
    properties |= {name: {"type": "string", "description": said} for name, said in _ATTRIBUTES.items()}
    return {"type": "object", "properties": properties, "required": _ALWAYS}


def _example_headers(type: str, version: int) -> Json:
    return {
        "ce-specversion": "1.0", "ce-id": "0190a8c4-7d2e-7b8a-9c3f-1f2e3d4c5b6a", "ce-source": "headwater",
        "ce-type": type, "ce-typeversion": str(version), "ce-time": "2026-01-31T09:30:00+00:00",
        "content-type": "application/json",
    }  # fmt: skip


def _draft_07(node: Any) -> Any:
    """What is said in another way in draft-07: tuples, and what stands beside a reference."""
    if isinstance(node, list):
        return [_draft_07(each) for each in node]
    if not isinstance(node, dict):
        return node
    found = {
        name: _draft_07(each) for name, each in node.items() if name not in ("default", "examples", "enum", "const")
    }
    found |= {name: each for name, each in node.items() if name in ("default", "examples", "enum", "const")}
    if "prefixItems" in node:
        found["additionalItems"] = found.pop("items", True)
        found["items"] = found.pop("prefixItems")
    elif node.get("items") is False:
        found["items"] = False
    if "$ref" in node and len(node) > 1:
        return {"allOf": [{"$ref": found.pop("$ref")}]} | found
    return found
