"""What kubeadm's commands do, one a file; how they are called is in `command_table`."""
