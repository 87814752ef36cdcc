"""`python -m minikube_edu.kubectl`."""

from minikube_edu.kubectl.app import main

if __name__ == "__main__":
    main()
