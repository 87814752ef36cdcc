"""The formats of `-o`: json, kyaml, jsonpath, go-template, as kubectl and kubeadm print them."""


class PartialOutput(ValueError):
    """A template failed; `text` belongs on standard output nevertheless."""

    def __init__(self, text: str, message: str) -> None:
        super().__init__(message)
        self.text = text
