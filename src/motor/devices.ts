/** Limits of io.max, one block device each, in the kernel's own order of keys. */
const KEYS = ["rbps", "wbps", "riops", "wiops"] as const;
type Limits = Record<(typeof KEYS)[number], string>;

const UNLIMITED: Limits = { rbps: "max", wbps: "max", riops: "max", wiops: "max" };

/** io.max text → limits by "major:minor"; devices without a limit have no line there. */
export function parse_io_max(text: string): Map<string, Limits> {
  const devices = new Map<string, Limits>();
  for (const line of text.split("\n")) {
    const [device, ...pairs] = line.trim().split(/\s+/);
    if (device === undefined || device === "") continue;
    const limits = { ...UNLIMITED };
    for (const pair of pairs) {
      const [key, value] = pair.split("=");
      for (const known of KEYS) if (key === known && value !== undefined) limits[known] = value;
    }
    devices.set(device, limits);
  }
  return devices;
}

/** Limits of one device as a line the kernel takes; a device that is absent has no limit. */
export function device_line(devices: ReadonlyMap<string, Limits>, device: string): string {
  const limits = devices.get(device) ?? UNLIMITED;
  return `${device} ${KEYS.map((key) => `${key}=${limits[key]}`).join(" ")}`;
}

export function is_unlimited(devices: ReadonlyMap<string, Limits>, device: string): boolean {
  return device_line(devices, device) === device_line(new Map(), device);
}

function tighter(prior: string, bytes_per_s: number): string {
  return prior === "max" || Number(prior) > bytes_per_s ? String(bytes_per_s) : prior;
}

/** Line for one device with both directions at most `bytes_per_s`, never looser than before. */
export function limited_line(devices: ReadonlyMap<string, Limits>, device: string, bytes_per_s: number): string {
  const prior = devices.get(device) ?? UNLIMITED;
  const limits = { ...prior, rbps: tighter(prior.rbps, bytes_per_s), wbps: tighter(prior.wbps, bytes_per_s) };
  return device_line(new Map([[device, limits]]), device);
}

/** Devices the cgroup has done I/O on, those with most bytes first; from io.stat. */
export function devices_by_use(io_stat: string): readonly string[] {
  const used = io_stat.split("\n").flatMap((line) => {
    const device = line.split(" ", 1)[0] ?? "";
    if (!/^\d+:\d+$/.test(device)) return [];
    const bytes = [...line.matchAll(/ [rw]bytes=(\d+)/g)].reduce((sum, [, figure]) => sum + Number(figure), 0);
    return [{ device, bytes }];
  });
  return used.sort((one, other) => other.bytes - one.bytes).map(({ device }) => device);
}
