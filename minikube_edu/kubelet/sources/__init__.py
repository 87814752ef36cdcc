"""Where pods come from: manifests in a directory, a URL, the API."""
