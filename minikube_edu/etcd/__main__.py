"""`python -m minikube_edu.etcd`: etcd's seat as a program, with etcd's flags (flags.py)."""

from minikube_edu.etcd.server import main

if __name__ == "__main__":
    raise SystemExit(main())
