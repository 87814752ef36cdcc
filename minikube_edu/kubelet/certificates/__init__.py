"""How the kubelet comes by its certificates: the client's for the API server, the server's for port 10250."""
