"""HTTP/1.1 and TLS, thin and fast: the only HTTP code of the project. `messages` is the contract."""
