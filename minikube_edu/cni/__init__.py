"""The network's seat: addresses for sandboxes, and the fabric over which simulated programs reach each other."""
