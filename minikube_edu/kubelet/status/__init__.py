"""A pod's status: made from what runs (`pod_status`), and brought to the API (`reporting`)."""
