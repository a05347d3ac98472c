"""Headwater: declare an application as events, deciders, views and reactions; Headwater runs it."""

from headwater.app import Runtime, open_broker, open_store
from headwater.clock import ManualClock
from headwater.codec import command, event
from headwater.commands.executor import Executed
from headwater.errors import HeadwaterError, Rejected
from headwater.fold import (
    App,
    Behind,
    Consumer,
    Decider,
    Reaction,
    Schedule,
    Snapshots,
    SqlView,
    Topic,
    Unknown,
    Unschedule,
    View,
    consumer,
)
from headwater.keys.port import Forgotten
from headwater.messages import Envelope, Metadata, NewEvent, NewRecord, Query, QueryItem, Record, Write, query
from headwater.personal import Personal, Subject

__all__ = [
    "App",
    "Behind",
    "Consumer",
    "Decider",
    "Envelope",
    "Executed",
    "Forgotten",
    "HeadwaterError",
    "ManualClock",
    "Metadata",
    "NewEvent",
    "NewRecord",
    "Personal",
    "Query",
    "QueryItem",
    "Reaction",
    "Record",
    "Rejected",
    "Runtime",
    "Schedule",
    "Snapshots",
    "SqlView",
    "Subject",
    "Topic",
    "Unknown",
    "Unschedule",
    "View",
    "Write",
    "command",
    "consumer",
    "event",
    "open_broker",
    "open_store",
    "query",
]
