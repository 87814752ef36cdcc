"""Node-pressure eviction: what the node runs short of, who has to go for it."""
