"""One worker a pod: from its first sight to its end."""
