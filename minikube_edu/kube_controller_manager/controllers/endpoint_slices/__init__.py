"""endpointslice-controller: a service's pods and ports as EndpointSlices, at most a hundred endpoints in each."""

from minikube_edu.kube_controller_manager.controllers.endpoint_slices.slices import EndpointSliceController

CONTROLLER = EndpointSliceController
