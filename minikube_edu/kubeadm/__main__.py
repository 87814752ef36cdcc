"""`python -m minikube_edu.kubeadm`: kubeadm without a machine around it."""

import sys

from minikube_edu.kubeadm.app import main

sys.exit(main(sys.argv[1:]))
