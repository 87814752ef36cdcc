"""The formats of `-o`: json, kyaml, jsonpath, go-template, as kubectl and kubeadm print them."""
