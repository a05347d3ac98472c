"""Headwater: declare an application as events, deciders, views and reactions; Headwater runs it."""

from headwater.app import Runtime, open_store
from headwater.clock import ManualClock
from headwater.codec import command, event
from headwater.commands.executor import Executed
from headwater.errors import HeadwaterError, Rejected
from headwater.fold import App, Decider, Reaction, Schedule, SqlView, Unschedule, View
from headwater.messages import Envelope, Metadata, NewEvent, Query, QueryItem, Write, query

__all__ = [
    "App",
    "Decider",
    "Envelope",
    "Executed",
    "HeadwaterError",
    "ManualClock",
    "Metadata",
    "NewEvent",
    "Query",
    "QueryItem",
    "Reaction",
    "Rejected",
    "Runtime",
    "Schedule",
    "SqlView",
    "Unschedule",
    "View",
    "Write",
    "command",
    "event",
    "open_store",
    "query",
]
