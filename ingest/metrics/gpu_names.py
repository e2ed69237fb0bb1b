"""Which metrics fill which column of gpu_samples.

Sources: OpenTelemetry's conventions for hardware 1.44, NVIDIA's dcgm-exporter, OpenLIT's GPU
collector (its newest and its older names), AMD's device-metrics-exporter, Triton, nvidia_gpu
exporters and the collector's NVML receiver. Utilisations are ratios from 0 to 1 whatever was sent.
"""

from __future__ import annotations

from ingest.metrics.names import Reading, spell

MIB = 1024.0**2
PERCENT = 0.01

# Lowest and highest value that can be true: DCGM says 2147483632 or 1.4e14 where it knows nothing.
BOUNDS = {
    # The graphics or compute engine was at work; the best answer to "busy".
    "engine_active": (0.0, 1.0),
    # A kernel ran, however small; all that NVML knows.
    "kernel_active": (0.0, 1.0),
    "sm_active": (0.0, 1.0),
    "memory_active": (0.0, 1.0),
    "memory_ratio": (0.0, 1.0),
    "memory_used_bytes": (0.0, 1e14),
    "memory_free_bytes": (0.0, 1e14),
    "memory_reserved_bytes": (0.0, 1e14),
    "memory_limit_bytes": (0.0, 1e14),
    "power_w": (0.0, 1e5),
    "temperature_c": (-60.0, 250.0),
    # A counter since the driver was loaded, and what a sender of deltas adds to it.
    "energy_j": (0.0, 1e15),
    "process_count": (0.0, 1e6),
    "process_memory_bytes": (0.0, 1e14),
}
COLUMNS = tuple(BOUNDS)

GPU = {"hw.type": ("gpu",)}
# Encoders and decoders of video have utilisations of their own.
COMPUTE = {"hw.gpu.task": ("", "general")}
DIE = {"sensor": ("", "die"), "hw.sensor_location": ("", "die", "gpu")}


def card(name: str, column: str, scale: float = 1.0) -> Reading:
    return Reading(name, column, scale, of_card=True)


OPENTELEMETRY = (
    Reading("hw.gpu.utilization", "kernel_active", where=COMPUTE),
    Reading("hw.gpu.memory.utilization", "memory_ratio"),
    Reading("hw.gpu.memory.usage", "memory_used_bytes"),
    Reading("hw.gpu.memory.limit", "memory_limit_bytes"),
    Reading("hw.energy", "energy_j", where=GPU, of_card=True),
    Reading("hw.power", "power_w", where=GPU, of_card=True),
    Reading("hw.temperature", "temperature_c", where=GPU | DIE, of_card=True),
    Reading("finops.gpu.processes", "process_count"),
)

OPENLIT = (
    Reading("hw.gpu.engine.utilization", "engine_active"),
    Reading("hw.gpu.sm.utilization", "sm_active"),
    Reading("hw.gpu.memory.controller.utilization", "memory_active"),
    Reading("hw.gpu.memory.bandwidth.utilization", "memory_active"),
    Reading("hw.gpu.memory.free", "memory_free_bytes"),
    Reading("hw.gpu.temperature", "temperature_c", where=DIE, of_card=True),
    card("hw.gpu.power.draw", "power_w"),
    card("hw.gpu.energy.consumed", "energy_j"),
    Reading("process.gpu.memory.usage", "process_memory_bytes"),
    # What openlit.init(collect_gpu_stats=True) sends.
    Reading("gpu.utilization", "kernel_active", PERCENT),
    Reading("gpu.memory.used", "memory_used_bytes", MIB),
    Reading("gpu.memory.free", "memory_free_bytes", MIB),
    Reading("gpu.memory.total", "memory_limit_bytes", MIB),
    card("gpu.power.draw", "power_w"),
    card("gpu.temperature", "temperature_c"),
)

DCGM = (
    Reading("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "engine_active"),
    Reading("DCGM_FI_PROF_SM_ACTIVE", "sm_active"),
    Reading("DCGM_FI_PROF_DRAM_ACTIVE", "memory_active"),
    Reading("DCGM_FI_DEV_GPU_UTIL", "kernel_active", PERCENT),
    Reading("DCGM_FI_DEV_MEM_COPY_UTIL", "memory_active", PERCENT),
    Reading("DCGM_FI_DEV_FB_USED", "memory_used_bytes", MIB),
    Reading("DCGM_FI_DEV_FB_FREE", "memory_free_bytes", MIB),
    Reading("DCGM_FI_DEV_FB_RESERVED", "memory_reserved_bytes", MIB),
    Reading("DCGM_FI_DEV_FB_TOTAL", "memory_limit_bytes", MIB),
    Reading("DCGM_FI_DEV_FB_USED_PERCENT", "memory_ratio"),
    card("DCGM_FI_DEV_POWER_USAGE", "power_w"),
    card("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "energy_j", 0.001),
    card("DCGM_FI_DEV_GPU_TEMP", "temperature_c"),
)

# Without a prefix, and with the one that operators are told to set.
AMD = tuple(
    Reading(prefix + name, column, scale, of_card=column in ("power_w", "energy_j"))
    for prefix in ("", "amd_")
    for name, column, scale in (
        ("gpu_gfx_activity", "engine_active", PERCENT),
        ("gpu_umc_activity", "memory_active", PERCENT),
        ("gpu_used_vram", "memory_used_bytes", MIB),
        ("gpu_free_vram", "memory_free_bytes", MIB),
        ("gpu_total_vram", "memory_limit_bytes", MIB),
        ("gpu_package_power", "power_w", 1.0),
        ("gpu_power_usage", "power_w", 1.0),
        ("gpu_energy_consumed", "energy_j", 1e-6),
        ("gpu_junction_temperature", "temperature_c", 1.0),
    )
)

OTHERS = (
    Reading("nv_gpu_utilization", "kernel_active"),
    Reading("nv_gpu_memory_used_bytes", "memory_used_bytes"),
    Reading("nv_gpu_memory_total_bytes", "memory_limit_bytes"),
    card("nv_gpu_power_usage", "power_w"),
    card("nv_energy_consumption", "energy_j"),
    Reading("nvidia_smi_utilization_gpu_ratio", "kernel_active"),
    Reading("nvidia_smi_memory_used_bytes", "memory_used_bytes"),
    Reading("nvidia_smi_memory_total_bytes", "memory_limit_bytes"),
    card("nvidia_smi_power_draw_watts", "power_w"),
    card("nvidia_smi_temperature_gpu", "temperature_c"),
    Reading("nvml.gpu.utilization", "kernel_active"),
    Reading("nvml.gpu.memory.bytes_used", "memory_used_bytes", where={"memory_state": ("used",)}),
    Reading("nvml.gpu.memory.bytes_used", "memory_free_bytes", where={"memory_state": ("free",)}),
)

BY_DIALECT = tuple(
    (dialect, reading)
    for dialect, readings in (
        ("opentelemetry", OPENTELEMETRY),
        ("openlit", OPENLIT),
        ("dcgm", DCGM),
        ("amd", AMD),
        ("other", OTHERS),
    )
    for reading in readings
)
READINGS = tuple(reading for _, reading in BY_DIALECT)
NAMES = frozenset(spell(reading.name) for reading in READINGS)

# Which GPU a point is about: the first of these labels that is there. OpenLIT names a MIG instance
# in hw.id and its card in gpu.parent.uuid.
GPU_UUID = (
    "gpu.parent.uuid",
    "UUID",
    "uuid",
    "gpu_uuid",
    "gpu.uuid",
    "hw.id",
    "hw.serial_number",
    "serial_number",
    "gpu",
    "gpu_id",
    "gpu.index",
    "gpu_number",
)
GPU_MODEL = ("modelName", "hw.model", "hw.name", "gpu.name", "card_model", "card_series", "model")
GPU_INSTANCE = ("GPU_I_ID", "gpu.mig.instance_id", "gpu_partition_id", "finops.gpu.instance")
# What part of its card a MIG instance is, as 1g.10gb.
GPU_PROFILE = ("GPU_I_PROFILE", "gpu.mig.profile", "finops.gpu.profile")
DRIVER = ("hw.driver_version", "DCGM_FI_DRIVER_VERSION", "driver_version")
PROCESS = ("process.pid",)
WINDOW_S = ("finops.gpu.window_s",)

# The exporter's own label first: host.name may be the collector's.
HOST = ("Hostname", "hostname", "node", "host.name")
HOST_OF_RESOURCE = (
    "host.name",
    "k8s.node.name",
    "net.host.name",
    "server.address",
    "service.instance.id",
)
# Scraped without honor_labels, the exporter's labels about a workload become exported_…, and the
# plain ones are about the exporter itself.
NAMESPACE = ("exported_namespace", "namespace", "k8s.namespace.name")
POD = ("exported_pod", "pod", "k8s.pod.name")
CONTAINER = ("exported_container", "container", "k8s.container.name")
POOL = ("finops.pool", "finops_pool", "pool", "nodepool")
POOL_OF_RESOURCE = (
    "finops.pool",
    "k8s.node.label.finops.pool",
    "k8s.node.labels.finops.pool",
    "k8s.pod.label.finops.pool",
    "k8s.pod.labels.finops.pool",
    "k8s.node.label.karpenter.sh/nodepool",
    "k8s.node.label.cloud.google.com/gke-nodepool",
    "k8s.node.label.eks.amazonaws.com/nodegroup",
    "k8s.node.label.kubernetes.azure.com/agentpool",
)
