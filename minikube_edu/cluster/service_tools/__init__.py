"""systemctl, journalctl, apt-get of a node: what a course types to look at kubelet and containerd, and to upgrade."""
