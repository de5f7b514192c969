import type { Setting } from "../../model/containment.ts";
import { errno_text } from "../../model/errno.ts";
import { device_line, devices_by_use, limited_line, parse_io_max } from "../devices.ts";
import { Refusal } from "../trouble.ts";
import type { Place, RungContext } from "./containment.ts";
import type { Plan, ValueRung } from "./value.ts";

const DEVICES_MAX = 16;

/** What the kernel means by the errno of a write to io.max. Source: block/blk-cgroup.c, blkg_conf_prep. */
const MEANS: Readonly<Record<string, string>> = {
  ENODEV: "no such whole disk: it was unplugged, or is a partition (ENODEV)",
  EOPNOTSUPP: "this device cannot be throttled (EOPNOTSUPP)",
  EBUSY: "the device is being removed (EBUSY)",
  EINVAL: "the kernel does not accept the value for this device (EINVAL)",
};

/** io.max: reads and writes at most `bytes_per_s` each, on the block devices the cgroup has done most I/O on. */
export const io_max: ValueRung = {
  file: "io.max",
  kind: "devices",
  plan(setting: Setting, prior: string, context: RungContext, place: Place): Plan {
    if (setting.rung !== "io_max") throw new Refusal(`a ${setting.rung} setting is not for io_max`);
    const bytes_per_s = Math.round(setting.bytes_per_s);
    if (bytes_per_s < 1) throw new Refusal(`io.max ${bytes_per_s} bytes/s: the kernel takes 1 and more`);
    const used = devices_by_use(context.files.read(`${place.directory}/io.stat`));
    if (used.length === 0) throw new Refusal(`${place.path} has done no block I/O: io.stat names no device`);
    const devices = used.slice(0, DEVICES_MAX);
    const left_out = used.slice(DEVICES_MAX).map((device) => ({
      subject: device,
      status: "refused" as const,
      detail: `beyond the bound of ${DEVICES_MAX} devices: those with more I/O come first`,
    }));
    const limits = parse_io_max(prior);
    const text = devices.map((device) => limited_line(limits, device, bytes_per_s)).join("\n");
    return { text, note: "", left_out };
  },
  comparable(found: string, intended: string): string {
    const now = parse_io_max(found);
    return [...parse_io_max(intended).keys()].map((device) => device_line(now, device)).join("\n");
  },
  writes: (text) => text.split("\n"),
  why: (code) => MEANS[code] ?? errno_text(code),
};
