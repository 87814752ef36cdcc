"""systemctl and journalctl of a node: what a course types to look at kubelet and containerd."""
