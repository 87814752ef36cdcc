"""Every limit of the store in one place: etcd's defaults, under the names its flags and messages give them."""

from __future__ import annotations

# What Status.version and /version say. Clients switch features on by it (the API server asks for watch progress only
# from a store that is new enough), so it names the etcd release whose behaviour this store follows.
ETCD_VERSION = "3.6.6"
CLUSTER_VERSION = "3.6.0"

MAX_TXN_OPERATIONS = 128  # --max-txn-ops
MAX_REQUEST_BYTES = 1536 * 1024  # --max-request-bytes
DEFAULT_QUOTA = 2 * 1024 * 1024 * 1024  # --quota-backend-bytes 0 means this
MIN_LEASE_TTL = 2  # seconds; etcd derives it from its election timeout: ceil(1.5 x 1000 ms)
MAX_LEASE_TTL = 9_000_000_000
PROGRESS_INTERVAL = 600.0  # seconds between progress notices of an idle watch that asked for them

# Ours: how much is done before the event loop gets its turn again.
REPLAY_EVENTS = 1_000  # events of one batch when a watch catches up
SCRUB_ROWS = 500  # rows looked at in one step of a compaction
SNAPSHOT_CHUNK = 64 * 1024
