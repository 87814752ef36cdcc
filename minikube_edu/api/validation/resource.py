"""The rules of dynamic resource allocation, by kind."""

from __future__ import annotations

from minikube_edu.api.validation.resource_claims import CLAIM, CLASS, TEMPLATE
from minikube_edu.api.validation.resource_slices import SLICE

VALIDATORS = {"ResourceClaim": CLAIM, "ResourceClaimTemplate": TEMPLATE, "DeviceClass": CLASS, "ResourceSlice": SLICE}
