import * as v from "valibot";
import { flag, number, text } from "./field.ts";

const BYTE = "(25[0-5]|2[0-4]\\d|1?\\d?\\d)";

/** The section `metrics`: what a scraper may ask over HTTP. */
export const METRICS = v.strictObject({
  enabled: flag({ initial: false, docs: "Serve /metrics (Prometheus) and /healthz over HTTP." }),
  listen: text({
    initial: "127.0.0.1:9847",
    pattern: new RegExp(`^${BYTE}(\\.${BYTE}){3}:\\d{1,5}$`),
    accepts: "IPv4 address:port, port 0..65535, 0 for one the kernel chooses",
    docs: "Where. Whoever reaches it may read: there is no password, so beyond loopback it needs a firewall.",
  }),
});

/** The section `telemetry`: what is said unasked. */
export const TELEMETRY = v.strictObject({
  heartbeat_s: number({
    unit: "s",
    initial: 30,
    min: 1,
    max: 3600,
    docs: "Interval of the heartbeat, the only thing said in homeostasis.",
  }),
});
