import { readdirSync, readFileSync } from "node:fs";
import type { Maybe } from "../model/sample.ts";

/** What the files of a unit say about it, as far as a remedy has to know. */
export interface UnitSettings {
  readonly delegates: boolean;
  readonly watchdog_s: Maybe<number>;
}

/** Where systemd looks for units, most important first (systemd.unit(5)). */
const DIRECTORIES: readonly string[] = [
  "/etc/systemd/system.control",
  "/run/systemd/system.control",
  "/run/systemd/transient",
  "/etc/systemd/system",
  "/run/systemd/system",
  "/run/systemd/generator",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
];
const BYTES_MAX = 65_536;
const DROP_INS_MAX = 32;

/**
 * The settings of a unit from its files: the main file that comes first, then its drop-ins. A manager does not always say them at the
 * cgroup (trusted.delegate needs CAP_SYS_ADMIN to be read) or the process (some write their title over the environment).
 *
 * @param root where the node's own files are seen
 */
export function unit_settings(unit: string, root = "/proc/1/root"): UnitSettings {
  const at = unit.indexOf("@");
  const template = at < 0 ? null : `${unit.slice(0, at + 1)}${unit.slice(unit.lastIndexOf("."))}`;
  const names = template === null ? [unit] : [unit, template];
  const texts: string[] = [];
  const main = names.flatMap((name) => DIRECTORIES.map((directory) => `${root}${directory}/${name}`));
  for (const path of main) {
    const text = text_of(path);
    if (text === null) continue;
    texts.push(text);
    break;
  }
  for (const name of names.toReversed()) {
    for (const directory of DIRECTORIES.toReversed()) texts.push(...drop_ins(`${root}${directory}/${name}.d`));
  }
  return settings_of(texts.join("\n"));
}

function drop_ins(directory: string): readonly string[] {
  let names: readonly string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  const wanted = names.filter((name) => name.endsWith(".conf")).sort();
  return wanted.slice(0, DROP_INS_MAX).flatMap((name) => text_of(`${directory}/${name}`) ?? []);
}

function text_of(path: string): Maybe<string> {
  try {
    return readFileSync(path, "latin1").slice(0, BYTES_MAX);
  } catch {
    return null;
  }
}

function settings_of(text: string): UnitSettings {
  let delegates = false;
  let watchdog_s: Maybe<number> = null;
  for (const line of text.split("\n")) {
    const [, name, value = ""] = /^\s*(Delegate|WatchdogSec)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === "Delegate") delegates = value !== "" && !/^(no|false|off|0|n|f)$/i.test(value);
    if (name === "WatchdogSec") watchdog_s = span_s(value);
  }
  return { delegates, watchdog_s };
}

const UNITS_S: Readonly<Record<string, number>> = {
  us: 1e-6,
  ms: 1e-3,
  "": 1,
  s: 1,
  sec: 1,
  m: 60,
  min: 60,
  h: 3600,
  hr: 3600,
  d: 86_400,
};

/** A time span of systemd.time(7), s; null for none and for "infinity". */
export function span_s(text: string): Maybe<number> {
  let total_s = 0;
  for (const [, number, unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]*)/g)) {
    const scale = UNITS_S[unit] ?? UNITS_S[unit.replace(/(nute|ond|our|ay)?s?$/, "")];
    if (scale === undefined) return null;
    total_s += Number(number) * scale;
  }
  return total_s > 0 ? total_s : null;
}
