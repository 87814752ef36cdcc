"""What kubeadm may be told: configuration files of two API versions, their defaults, and what is wrong with them."""
