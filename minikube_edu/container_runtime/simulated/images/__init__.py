"""Images of the simulated runtime: a catalogue as data, registries that judge names, tags and secrets, a node's store.

    reference   docker.io/library/nginx:1.27@sha256:…, and what a short name means
    entry       what the catalogue says of an image; `definition` is one entry made for one tag
    tag_rules   which tags are plausible
    catalogue   the entries, compiled from catalogue/*.yaml into catalogue.json
    user_images more entries, out of a directory that the user names
    registry    what a pull is answered: an image, or containerd's words of refusal
    image_store what this node has; sizes, garbage, digests
    root        an image's file tree

Nothing here knows of containers; nothing reaches a real registry.
"""
