"""persistentvolume-binder-controller: claims meet volumes, and volumes are reclaimed.

A claim is a wish, a volume is what there is; both point at each other when they are bound: the volume's `claimRef`
(with the claim's uid) first, which is the decision, then the claim's `volumeName`. Either end may have been written by
the user (prebinding); the annotation `bound-by-controller` tells what this controller may undo.

    claim:  Pending -> Bound -> Lost (the volume is gone)
    volume: Available -> Bound -> Released (the claim is gone) -> deleted, recycled or kept

`matching` says which volume suits a claim, `claims` and `volumes` are the two ends, `binding` the four writes.
"""

from minikube_edu.kube_controller_manager.controllers.persistent_volumes.binder import PersistentVolumeBinder

CONTROLLER = PersistentVolumeBinder
