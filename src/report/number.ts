/** Fixed decimals for small numbers, none for large ones; "–" for what is unknown. */
export function num(value: number | null | undefined, decimals = 2): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const magnitude = Math.abs(value);
  if (magnitude >= 1e6) return value.toExponential(1);
  return value.toFixed(magnitude >= 1000 ? 0 : magnitude >= 100 ? Math.min(1, decimals) : decimals);
}

export function signed(value: number, decimals = 2): string {
  return Number.isFinite(value) ? `${value >= 0 ? "+" : "-"}${num(Math.abs(value), decimals)}` : num(value);
}

export function percent(fraction: number): string {
  return `${Math.round(fraction * 100)} %`;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return "–";
  let scaled = Math.abs(value);
  let unit = 0;
  while (scaled >= 1024 && unit < UNITS.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return `${value < 0 ? "-" : ""}${scaled.toFixed(unit === 0 ? 0 : 1)} ${UNITS[unit]}`;
}

/** A value with its unit; bytes are scaled. */
export function quantity(value: number | null, unit: string): string {
  if (unit === "bytes") return bytes(value);
  if (unit === "bytes/s") return `${bytes(value)}/s`;
  return `${num(value)}${unit === "" || unit === "–" ? "" : ` ${unit}`}`;
}

/** Quantity of a dimension, whose name ends with its unit. */
export function natural(name: string, value: number): string {
  if (name.endsWith("_bytes_per_s")) return quantity(value, "bytes/s");
  if (name.endsWith("_mib_per_s")) return quantity(value, "MiB/s");
  if (name.endsWith("_fraction")) return percent(value);
  if (name.endsWith("_ms")) return quantity(value, "ms");
  if (name.endsWith("_bits")) return quantity(value, "bit");
  if (name.endsWith("_per_s")) return quantity(value, "/s");
  return num(value);
}

/** Seconds, minutes or hours, whichever is read best. */
export function duration_text(seconds: number): string {
  if (seconds < 60) return `${num(seconds, seconds < 10 && seconds % 1 !== 0 ? 1 : 0)} s`;
  if (seconds < 7200) return `${num(seconds / 60, seconds % 60 === 0 ? 0 : 1)} min`;
  return `${num(seconds / 3600, 1)} h`;
}

/** The same reason with other numbers is no news; the prefixes of units go with their numbers. */
export function without_numbers(reason: string): string {
  return reason.replace(/[\d.]+( [KMGT]iB| [nµm]?s\b)?/g, "#");
}
