"""`minikube-edu shell`: a shell on a node, in which tutorials run as typed."""
