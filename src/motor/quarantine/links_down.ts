import { counted } from "../../model/counted.ts";
import type { Named, StepOutcome } from "../../model/quarantine.ts";
import type { LedgerEntry } from "../entry.ts";
import { Gone, Refusal } from "../trouble.ts";
import { entry_of, type QuarantineContext, told, told_of_error } from "./context.ts";
import type { LinkMemory } from "./links.ts";

const ASKED = "going down";
const DOWN = "down";

interface Prepared {
  readonly name: string;
  readonly memory: LinkMemory;
  readonly entry: LedgerEntry;
}

/**
 * Takes links down, the first one first. All are written down before any goes: what leads through several of them is remembered
 * with the first, which an undo takes up last, when the others are there again.
 */
export async function take_links_down(
  context: QuarantineContext,
  links: readonly Named[],
): Promise<readonly StepOutcome[]> {
  const outcomes: StepOutcome[] = [];
  const prepared: Prepared[] = [];
  const remembered = new Set<string>();
  for (const link of links) {
    try {
      const one = prepare(context, link, remembered);
      if (one.entry.intended !== DOWN) prepared.push(one);
      // Up again although it went down: the operator wants it so.
      else outcomes.push(told("links_down", link.path, "done", "taken down before", { ledger_id: one.entry.id }));
    } catch (error) {
      outcomes.push(told_of_error("links_down", link.path, error));
    }
  }
  for (const one of prepared) {
    try {
      outcomes.push(take_down(context, one));
    } catch (error) {
      outcomes.push(told_of_error("links_down", one.name, error));
    }
    // A driver may take its time to stop: a beat comes between two of them.
    await context.pause(0);
  }
  return outcomes;
}

function prepare({ ledger, world }: QuarantineContext, { id, path: name }: Named, remembered: Set<string>): Prepared {
  const { links } = world;
  if (links.index(name) !== id) throw new Gone(`${name} is another device now`);
  const known = ledger.entries().find((entry) => entry.kind === "link" && entry.cgroup_id === id);
  const all = known === undefined ? links.remember(id) : (JSON.parse(known.prior) as LinkMemory);
  const memory = { ...all, routes: all.routes.filter((route) => !remembered.has(route)) };
  for (const route of memory.routes) remembered.add(route);
  const about = { id, path: name, file: "link" };
  const entry = known ?? ledger.open(entry_of("link", "link_down", about, JSON.stringify(memory), ASKED));
  return { name, memory, entry };
}

function take_down({ ledger, world }: QuarantineContext, { name, memory, entry }: Prepared): StepOutcome {
  world.links.set_up(name, false);
  if (world.links.is_up(name)) throw new Refusal(`${name} did not go down`);
  ledger.adjust(entry, DOWN);
  const kept = `${counted(memory.addresses.length, "address", "addresses")} and ${counted(memory.routes.length, "route")} are written down`;
  return told("links_down", name, "done", `down; ${kept}`, { prior: "up", written: DOWN, ledger_id: entry.id });
}
