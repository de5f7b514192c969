/** One value of a family; the labels are written in their order. */
export interface MetricValue {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Observations counted up to each edge, as Prometheus wants its histograms. */
export interface Histogram {
  /** Upper edges in the unit of the metric, ascending, and how many observations were at most that. */
  readonly buckets: readonly { readonly at_most: number; readonly count: number }[];
  readonly count: number;
  readonly sum: number;
}

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The text format of Prometheus, version 0.0.4: families in the order in which they were added. */
export class Exposition {
  #text = "";

  /** @param name ends in `_total` */
  counter(name: string, help: string, values: readonly MetricValue[]): void {
    this.#family(name, "counter", help, values);
  }

  /** A family without a value is left out: there is nothing to say yet. */
  gauge(name: string, help: string, values: readonly MetricValue[]): void {
    this.#family(name, "gauge", help, values);
  }

  histogram(name: string, help: string, { buckets, count, sum }: Histogram): void {
    this.#head(name, "histogram", help);
    for (const bucket of buckets) this.#line(`${name}_bucket`, { le: number_of(bucket.at_most) }, bucket.count);
    this.#line(`${name}_bucket`, { le: "+Inf" }, count);
    this.#line(`${name}_sum`, {}, sum);
    this.#line(`${name}_count`, {}, count);
  }

  get text(): string {
    return this.#text;
  }

  #family(name: string, type: string, help: string, values: readonly MetricValue[]): void {
    if (values.length === 0) return;
    this.#head(name, type, help);
    for (const { value, labels } of values) this.#line(name, labels ?? {}, value);
  }

  #head(name: string, type: string, help: string): void {
    this.#text += `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
  }

  #line(name: string, labels: Readonly<Record<string, string>>, value: number): void {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
    this.#text += `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${number_of(value)}\n`;
  }
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function number_of(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}
