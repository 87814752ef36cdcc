"""The three controllers of certificate signing requests: `approving`, `signing`, `cleaning`.

A request is made by somebody who holds a key, approved or denied by somebody who may, signed by the signer that it
names, and cleaned away when nobody needs it any more; each is another one's job, so that no one can do it all.
"""
