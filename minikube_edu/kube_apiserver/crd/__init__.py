"""Custom resources: definitions become resources that are served like any other.

`kind` is what one version of a definition means for its objects (decoding, defaults, validation, strategy); every
`Resource` of a custom kind carries one as `resource.custom`. `serving` makes those resources from a definition;
`names` decides which names a definition gets; `definitions` is the loop that keeps the scheme in step with the
definitions in the store.
"""
