"""The composition root: opens stores and brokers by their addresses, and runs what an application declares."""

from headwater.app.opening import Stores, migrate_store, open_broker, open_keys, open_store, open_stores
from headwater.app.runtime import Runtime

__all__ = ["Runtime", "Stores", "migrate_store", "open_broker", "open_keys", "open_store", "open_stores"]
