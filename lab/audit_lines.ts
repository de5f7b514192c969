/** The part of the audit's lines that the lab reads. */
export interface AuditLine {
  readonly t_ns: number;
  readonly kind: string;
  readonly decision?: {
    readonly level: number;
    readonly previous_level: number;
    readonly rule: string;
    readonly actions: readonly {
      readonly id: string;
      readonly verb: string;
      readonly target: Target;
      readonly setting: {
        readonly rung: string;
        readonly mode?: string;
        readonly admit_share?: number;
        readonly frozen?: boolean;
      };
      readonly reason: string;
    }[];
    readonly verdicts: readonly Said[];
    readonly inaction: string;
  };
  readonly outcomes?: readonly {
    readonly id: string;
    readonly verb: string;
    readonly rung: string;
    readonly target: Target;
    readonly status: string;
    readonly detail: string;
  }[];
  readonly verdicts?: readonly Said[];
  /** Of a step of the quarantine. */
  readonly outcome?: {
    readonly step: string;
    readonly subject: string;
    readonly status: string;
    readonly detail: string;
  };
  /** Of an undo. */
  readonly reason?: string;
}

interface Target {
  readonly path: string;
  readonly comm: string | null;
}

interface Said {
  readonly id: string;
  readonly verdict: string;
  readonly detail: string;
}

export function audit_lines(text: string): readonly AuditLine[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as AuditLine);
}
