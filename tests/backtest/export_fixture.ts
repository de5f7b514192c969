import { seeded } from "../simulation/service.ts";

/** 2026-01-01T00:00:00Z, a row a minute; rows 600..619 break the bond of load and answers. */
export const BEGIN_S = 1_767_225_600;
export const ROWS = 900;

export interface Measured {
  readonly t_s: number;
  readonly cells: readonly [load: string, answers: string, memory: string];
}

export function measured(): readonly Measured[] {
  const random = seeded(11);
  return Array.from({ length: ROWS }, (_, row) => {
    const load = 1 + random() + random();
    const answers = 2 * load + 0.05 * random() + (row >= 600 && row < 620 ? 3 : 0);
    const memory = 40 + 2 * random();
    return { t_s: BEGIN_S + 60 * row, cells: [load.toFixed(3), answers.toFixed(3), memory.toFixed(2)] };
  });
}

export const iso = (t_s: number): string => new Date(1000 * t_s).toISOString().slice(0, 19);
const spaced = (t_s: number): string => iso(t_s).replace("T", " ");
const two = (value: number): string => `${value}`.padStart(2, "0");
const comma = (cell: string): string => cell.replace(".", ",");

type Writer = (rows: readonly Measured[]) => readonly string[];

const wide =
  (head: string, line: (row: Measured, index: number) => string): Writer =>
  (rows) => [head, ...rows.map(line)];

/** The same measurements as the tools of the field write them. */
export const EXPORTS: Readonly<Record<string, Writer>> = {
  "Grafana: quoted, labels in the header, no zone": wide(
    '"Time","load {instance=""a:9100"",mode=""user""}","answers, ms","memory %"',
    ({ t_s, cells }) => `"${spaced(t_s)}",${cells.join(",")}`,
  ),
  "Grafana for Excel: sep=;, decimal comma": (rows) => [
    "sep=;",
    '"Time";"load";"answers";"memory"',
    ...rows.map(({ t_s, cells }) => `${spaced(t_s)};${cells.map(comma).join(";")}`),
  ],
  "Grafana, formatted values with units": wide("Time,load,answers,memory", ({ t_s, cells: [a, b, c] }) =>
    [spaced(t_s), `${a} ms`, `${b} s`, `${c}%`].join(","),
  ),
  "Prometheus: labels without quotes around them": wide(
    'time,node_load1{instance="a",job="n"},answers{instance="a",job="n"},memory',
    ({ t_s, cells }) => `${t_s}.123,${cells.join(",")}`,
  ),
  "tabs, milliseconds, words and constants beside": wide(
    "timestamp\tload\tanswers\tmemory\thost\tversion\tzero",
    ({ t_s, cells }) => `${1000 * t_s}\t${cells.join("\t")}\tweb1\t"1.2"\t0`,
  ),
  "microseconds, CRLF, a byte order mark": (rows) => [
    "\uFEFFts,load,answers,memory\r",
    ...rows.map(({ t_s, cells }) => `${1e6 * t_s},${cells.join(",")}\r`),
  ],
  "Netdata: newest row first": (rows) => [
    "time,load,answers,memory",
    ...rows.map(({ t_s, cells }) => `${spaced(t_s)},${cells.join(",")}`).reverse(),
  ],
  "ISO 8601 with a zone": wide("@timestamp,load,answers,memory", ({ t_s, cells }) =>
    [`${iso(t_s + 7200)}+02:00`, ...cells].join(","),
  ),
  "InfluxDB: annotated, one series after the other": (rows) => [
    "#group,false,false,true,true,false,false,true,true,true",
    "#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string",
    "#default,_result,,,,,,,,",
    ",result,table,_start,_stop,_time,_value,_field,_measurement,host",
    ...["load", "answers", "memory"].flatMap((field, k) =>
      rows.map(
        ({ t_s, cells }) => `,,${k},${iso(BEGIN_S)}Z,${iso(BEGIN_S + 86_400)}Z,${iso(t_s)}Z,${cells[k]},${field},sys,h`,
      ),
    ),
  ],
  "long: time, metric, value": (rows) => [
    "time,metric,value",
    ...rows.flatMap(({ t_s, cells }) =>
      ["load", "answers", "memory"].map((name, k) => `${iso(t_s)}Z,${name},${cells[k]}`),
    ),
  ],
  "Zabbix: item, clock, nanoseconds": (rows) => [
    "itemid;clock;ns;value",
    ...rows.flatMap(({ t_s, cells }) => cells.map((cell, k) => `${1000 + k};${t_s};${(k * 7919 + t_s) % 1e9};${cell}`)),
  ],
  "sadf -d": wide("# hostname;interval;timestamp;CPU;load;answers;memory", ({ t_s, cells }) =>
    ["web1", "60", `${spaced(t_s)} UTC`, "-1", ...cells].join(";"),
  ),
  "collectl: date and time apart": wide("#Date,Time,[CPU]load,[NET]answers,[MEM]used", ({ t_s, cells }) =>
    [iso(t_s).slice(0, 10).replaceAll("-", ""), iso(t_s).slice(11), ...cells].join(","),
  ),
  "German: day first, thousands with points": wide(
    "Datum;Uhrzeit;Last;Antworten;Speicher",
    ({ t_s, cells: [a, b, c] }) => {
      const at = new Date(1000 * t_s);
      const day = `${two(at.getUTCDate())}.${two(at.getUTCMonth() + 1)}.${at.getUTCFullYear()}`;
      return [day, iso(t_s).slice(11), comma(a), `1.${b.replace(".", "").slice(0, 3)},5`, comma(c)].join(";");
    },
  ),
  "Windows: month first, a blank for no value": wide(
    '"(PDH-CSV 4.0) (UTC)(0)","\\\\H\\load","\\\\H\\answers","\\\\H\\memory"',
    ({ t_s, cells: [a, b, c] }, row) => {
      const at = new Date(1000 * t_s);
      const day = `${two(at.getUTCMonth() + 1)}/${two(at.getUTCDate())}/${at.getUTCFullYear()}`;
      return [`${day} ${iso(t_s).slice(11)}.000`, a, b, row % 50 === 7 ? " " : c].map((cell) => `"${cell}"`).join(",");
    },
  ),
  "cells with line ends and quotes": wide('time,"load\naverage",note,answers,memory', ({ t_s, cells: [a, b, c] }) =>
    [`${t_s}`, a, '"line one\nline, ""two"""', b, c].join(","),
  ),
};
