/** One thing examined. `costs` and `remedy` are empty when it is there. */
export interface Finding {
  readonly what: string;
  /** ok: there · missing: HOSA works without it, at a cost · fatal: HOSA cannot run without it. */
  readonly state: "ok" | "missing" | "fatal";
  readonly detail: string;
  readonly costs: string;
  readonly remedy: string;
}

/** What this host offers. */
export interface DoctorReport {
  readonly usable: boolean;
  readonly sections: readonly { readonly title: string; readonly findings: readonly Finding[] }[];
}
