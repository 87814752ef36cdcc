"""The resources that controllers work with, by name."""

from __future__ import annotations

from minikube_edu.client.rest import Resource

CONFIG_MAPS = Resource("", "v1", "configmaps", kind="ConfigMap")
ENDPOINTS = Resource("", "v1", "endpoints", kind="Endpoints")
EVENTS = Resource("", "v1", "events", kind="Event")
LIMIT_RANGES = Resource("", "v1", "limitranges", kind="LimitRange")
NAMESPACES = Resource("", "v1", "namespaces", False, "Namespace")
NODES = Resource("", "v1", "nodes", False, "Node")
PERSISTENT_VOLUME_CLAIMS = Resource("", "v1", "persistentvolumeclaims", kind="PersistentVolumeClaim")
PERSISTENT_VOLUMES = Resource("", "v1", "persistentvolumes", False, "PersistentVolume")
PODS = Resource("", "v1", "pods", kind="Pod")
POD_TEMPLATES = Resource("", "v1", "podtemplates", kind="PodTemplate")
REPLICATION_CONTROLLERS = Resource("", "v1", "replicationcontrollers", kind="ReplicationController")
RESOURCE_QUOTAS = Resource("", "v1", "resourcequotas", kind="ResourceQuota")
SECRETS = Resource("", "v1", "secrets", kind="Secret")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", kind="ServiceAccount")
SERVICES = Resource("", "v1", "services", kind="Service")
CONTROLLER_REVISIONS = Resource("apps", "v1", "controllerrevisions", kind="ControllerRevision")
DAEMON_SETS = Resource("apps", "v1", "daemonsets", kind="DaemonSet")
DEPLOYMENTS = Resource("apps", "v1", "deployments", kind="Deployment")
REPLICA_SETS = Resource("apps", "v1", "replicasets", kind="ReplicaSet")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", kind="StatefulSet")
HORIZONTAL_POD_AUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", kind="HorizontalPodAutoscaler")
CRON_JOBS = Resource("batch", "v1", "cronjobs", kind="CronJob")
JOBS = Resource("batch", "v1", "jobs", kind="Job")
CERTIFICATE_SIGNING_REQUESTS = Resource(
    "certificates.k8s.io", "v1", "certificatesigningrequests", False, "CertificateSigningRequest"
)
LEASES = Resource("coordination.k8s.io", "v1", "leases", kind="Lease")
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", kind="EndpointSlice")
INGRESSES = Resource("networking.k8s.io", "v1", "ingresses", kind="Ingress")
SERVICE_CIDRS = Resource("networking.k8s.io", "v1", "servicecidrs", False, "ServiceCIDR")
IP_ADDRESSES = Resource("networking.k8s.io", "v1", "ipaddresses", False, "IPAddress")
POD_DISRUPTION_BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", kind="PodDisruptionBudget")
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", False, "ClusterRole")
STORAGE_CLASSES = Resource("storage.k8s.io", "v1", "storageclasses", False, "StorageClass")
VOLUME_ATTACHMENTS = Resource("storage.k8s.io", "v1", "volumeattachments", False, "VolumeAttachment")
