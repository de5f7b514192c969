import type { Dimension } from "../model/dimension.ts";

/** What a dimension is, and what the agent loses where the host cannot supply it. */
export type DimensionEntry = Omit<Dimension, "name"> & { readonly costs: string };

const FRACTION = { unit: "fraction", load_sign: 1, scale: "linear" } as const;
const RATE = { unit: "1/s", load_sign: 1, scale: "log1p" } as const;

/*
 * How the resolutions were chosen (floors of the standard deviation, in scaled units):
 * - fractions: what one short event does to a 100 ms window (a 5 ms stall is 0.05, a 2 ms burst on one core 0.02);
 * - steady rates (context switches): 0.5, a factor of 1.6;
 * - rare events: one lone event in a 100 ms window is 10/s, log1p = 2.4; a floor of 1.2 makes it two sigma, no alarm;
 * - latency and throughput are in ms and MiB/s so that log1p is nearly linear below what anybody would notice and
 *   logarithmic above: in s it would never bend, in bytes/s a single 4 KiB write would be a leap of 10 units;
 * - fragmentation: a page cache of 5 GB given back at once moves it by 0.54 bits for as long as it stays away, and is no
 *   news; the two bits of a memory that is really fragmented are 8 sigma;
 * - growth: 2 MB/s, on larger nodes total/4096 per second (one sigma fills the node in over an hour), but never more than
 *   4 MB/s: a service leaks as fast on a node of a terabyte, and what such a node scatters by itself is learned.
 */
const TABLE = {
  cpu_busy_fraction: { ...FRACTION, resource: "cpu", resolution: 0.02, costs: "saturated processors are not seen" },
  run_queue_per_core: {
    ...{ unit: "tasks/core", resource: "cpu", load_sign: 1, scale: "log1p", resolution: 0.3 },
    costs: "queueing for the processors is seen only through pressure",
  },
  context_switches_per_s: { ...RATE, resource: "cpu", resolution: 0.5, costs: "switch storms are not seen" },
  kernel_user_ratio: {
    ...{ unit: "ratio", resource: "cpu", load_sign: 1, scale: "log1p", resolution: 0.2 },
    costs: "time lost inside the kernel (interrupt storms, reclaim) is not told from work",
  },
  memory_used_fraction: { ...FRACTION, resource: "memory", resolution: 0.01, costs: "exhaustion is not forecast" },
  memory_growth_bytes_per_s: {
    ...{ unit: "bytes/s", resource: "memory", load_sign: 1, scale: "linear", resolution: 2e6 },
    costs: "leaks are seen only once they hurt",
  },
  major_faults_per_s: { ...RATE, resource: "memory", resolution: 1.2, costs: "thrashing is not seen" },
  reclaim_stalls_per_s: { ...RATE, resource: "memory", resolution: 1.2, costs: "waiting for reclaim is not seen" },
  swap_out_pages_per_s: {
    ...RATE,
    unit: "pages/s",
    resource: "memory",
    resolution: 1.2,
    costs: "swapping is not seen",
  },
  memory_fragmentation_bits: {
    ...{ unit: "bits", resource: "memory", load_sign: -1, scale: "linear", resolution: 0.25 },
    costs: "a fragmented memory is not seen before large allocations fail",
  },
  pressure_cpu_fraction: { ...FRACTION, resource: "cpu", resolution: 0.05, costs: "no stall witness for cpu" },
  pressure_memory_fraction: { ...FRACTION, resource: "memory", resolution: 0.02, costs: "no stall witness for memory" },
  pressure_io_fraction: { ...FRACTION, resource: "io", resolution: 0.05, costs: "no stall witness for I/O" },
  block_latency_ms: {
    ...{ unit: "ms", resource: "io", load_sign: 1, scale: "log1p", resolution: 0.3 },
    costs: "slow disks are seen only through pressure",
  },
  block_throughput_mib_per_s: {
    ...{ unit: "MiB/s", resource: "io", load_sign: 1, scale: "log1p", resolution: 0.3 },
    costs: "disk load is seen only through pressure",
  },
  net_rx_packets_per_s: {
    ...RATE,
    unit: "packets/s",
    resource: "network",
    resolution: 1,
    costs: "floods are not seen",
  },
  net_tx_packets_per_s: {
    ...RATE,
    unit: "packets/s",
    resource: "network",
    resolution: 1,
    costs: "sending is not seen",
  },
  tcp_retransmits_per_s: { ...RATE, resource: "network", resolution: 1.2, costs: "a lossy network is not seen" },
  tcp_connects_per_s: { ...RATE, resource: "network", resolution: 1.2, costs: "propagation outward is not seen" },
  forks_execs_per_s: { ...RATE, resource: "process", resolution: 1.2, costs: "fork storms are not seen" },
  syscall_entropy_bits: {
    ...{ unit: "bits", resource: "process", load_sign: 0, scale: "linear", resolution: 0.15 },
    costs: "a change of what programs ask of the kernel is not seen",
  },
} as const satisfies Record<string, DimensionEntry>;

export type DimensionName = keyof typeof TABLE;

/** Every dimension of x(t), in the order of the vector. */
export const DIMENSIONS: Readonly<Record<DimensionName, DimensionEntry>> = TABLE;

const GROWTH_FLOOR_MAX_BYTES_PER_S = 4e6;

/** The dimension as the model knows it. `total_bytes` is the node's memory, which the growth floor grows with. */
export function dimension(name: DimensionName, total_bytes: number): Dimension {
  const { unit, resource, load_sign, scale, resolution } = DIMENSIONS[name];
  const growing = Math.max(resolution, Math.min(total_bytes / 4096, GROWTH_FLOOR_MAX_BYTES_PER_S));
  const floor = name === "memory_growth_bytes_per_s" ? growing : resolution;
  return { name, unit, resource, load_sign, scale, resolution: floor };
}
