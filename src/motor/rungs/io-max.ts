import type { Setting } from "../../model/containment.ts";
import { device_line, devices_of_io_stat, limited_line, parse_io_max } from "../devices.ts";
import { Refusal } from "../trouble.ts";
import type { Place, RungContext } from "./containment.ts";
import type { Plan, ValueRung } from "./value.ts";

const DEVICES_MAX = 16;

/** io.max: reads and writes at most `bytes_per_s` each, on every block device the cgroup has done I/O on. */
export const io_max: ValueRung = {
  file: "io.max",
  kind: "devices",
  plan(setting: Setting, prior: string, context: RungContext, place: Place): Plan {
    if (setting.rung !== "io_max") throw new Refusal(`a ${setting.rung} setting is not for io_max`);
    const bytes_per_s = Math.round(setting.bytes_per_s);
    if (bytes_per_s < 1) throw new Refusal(`io.max ${bytes_per_s} bytes/s: the kernel takes 1 and more`);
    const devices = devices_of_io_stat(context.files.read(`${place.directory}/io.stat`));
    if (devices.length === 0) throw new Refusal(`${place.path} has done no block I/O: io.stat names no device`);
    if (devices.length > DEVICES_MAX) {
      throw new Refusal(`${place.path} uses ${devices.length} devices, the bound is ${DEVICES_MAX}`);
    }
    const limits = parse_io_max(prior);
    return { text: devices.map((device) => limited_line(limits, device, bytes_per_s)).join("\n"), note: "" };
  },
  comparable(found: string, intended: string): string {
    const now = parse_io_max(found);
    return [...parse_io_max(intended).keys()].map((device) => device_line(now, device)).join("\n");
  },
  writes: (text) => text.split("\n"),
};
