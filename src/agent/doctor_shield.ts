import type { Config } from "../config/index.ts";
import { counted } from "../model/counted.ts";
import type { DoctorReport, Finding } from "../model/doctor.ts";
import { PINS, why_not_pinnable } from "../motor/shield/pins.ts";
import { NodeShield } from "./shield.ts";

const NO_SHIELD = "a flood from outside cannot be shed, and level 5 cannot close the network by XDP";

/** What the network shield could do here: it is loaded and rehearsed on scratch interfaces, and nothing is left behind. */
export function examine_shield(config: Config): DoctorReport["sections"][number] {
  const title = "Network shield";
  const opened = NodeShield.open(config);
  if ("missing" in opened) return { title, findings: [missing("shield", opened.missing, NO_SHIELD)] };
  using organ = opened;
  const why_not = organ.shield.missing();
  const { interfaces, ports, cidrs } = organ.plan("essential", 1);
  const open = ports.map(({ protocol, port }) => `${protocol}/${port}`).join(" ");
  const pinnable = why_not_pinnable(PINS);
  return {
    title,
    findings: [
      why_not === null ? ok("shield", "possible: tried on scratch interfaces") : missing("shield", why_not, NO_SHIELD),
      ok("interfaces", interfaces.join(", ")),
      ok("kept open at level 4", `${open || "no port"}, ${counted(cidrs.length, "prefix", "prefixes")}`),
      ok("established flows", organ.tracks ? "by socket and connection tracking" : "by socket"),
      pinnable === null
        ? ok("quarantine outlives the agent", PINS)
        : missing("quarantine outlives the agent", pinnable, "level 5 cannot close the network by XDP"),
    ],
  };
}

function ok(what: string, detail: string): Finding {
  return { what, state: "ok", detail, costs: "", remedy: "" };
}

function missing(what: string, detail: string, costs: string): Finding {
  return { what, state: "missing", detail, costs, remedy: remedy(detail) };
}

function remedy(why: string): string {
  if (why.includes("not enabled")) return "add shield to motor.rungs";
  if (why.includes("shield.interfaces") || why.startsWith("there is no interface"))
    return "name the interfaces in shield.interfaces";
  if (why.includes("XDP program"))
    return "name other interfaces in shield.interfaces, or end the program that holds this one";
  if (why.includes("quarantine")) return "hosa release";
  if (why.includes("bpffs")) return "mount it at boot, as systemd does";
  return "run as root with CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN, on a kernel with XDP (6.1 or newer)";
}
