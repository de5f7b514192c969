import type { Maybe } from "../model/sample.ts";
import type { NamedSubject, Pattern, Story } from "../model/story.ts";
import { shell_word } from "./shell_word.ts";

/** What shows the parts of the kernel. */
const KERNEL_COMMANDS: Readonly<Record<string, string>> = {
  slab: "slabtop -o -s c | head",
  huge_page_pool: "grep -i huge /proc/meminfo",
  files_in_memory: "df -h -t tmpfs",
  interrupts: "cat /proc/interrupts /proc/softirqs",
};

/**
 * What an operator does next, two lines at most: where to look, and how to allow or end it.
 * @param acted HOSA contained it: in a dry run it did not
 */
export function advice({ pattern, named }: Story, acted: boolean): readonly string[] {
  if (pattern?.name === "normal") return [];
  if (pattern?.name === "memory being freed") return ["Nothing needs to be done: memory was given back."];
  if (pattern?.name === "deadlock") {
    return ["Look for programs that wait for each other: `ps -eo pid,stat,wchan:32,args`."];
  }
  if (named === null) return ["Watch the next beats: `hosa observe` names what carries the change."];
  if (named.kind === "kernel") return kernel(named);
  if (named.ended === true) return [`It has ended. Look for what it was: \`journalctl _PID=${named.pid}\`.`];
  return [look(named, pattern), further(named, acted)];
}

function kernel({ comm, pid }: NamedSubject): readonly string[] {
  if (comm.startsWith("time taken"))
    return ["The hypervisor gives this machine less time: ask the operator of the host."];
  const command = KERNEL_COMMANDS[comm] ?? (pid === null ? "cat /proc/meminfo" : `cat /proc/${pid}/stack`);
  return [`Look at what the kernel holds: \`${command}\`.`];
}

function look(named: NamedSubject, pattern: Maybe<Pattern>): string {
  const { pid, path, kind, comm } = named;
  if (kind === "cgroup" || pid === null)
    return `Look at the processes of ${path}: \`systemd-cgls ${shell_word(path)}\`.`;
  if (kind === "processes" || pattern?.name === "fork storm") {
    return `Look at ${comm}: \`ps -o pid,ppid,etime,args -C ${shell_word(comm)}\`, and at what started it: \`ps -o pid,ppid,args -p $(ps -o ppid= -p ${pid})\`.`;
  }
  const threads = named.tid === null || named.tid === pid ? "" : ` (its threads: \`top -H -p ${pid}\`)`;
  const files = named.resource === "io" ? `, and at its files: \`ls -l /proc/${pid}/fd\`` : "";
  const name = comm === "" ? "" : ` (${comm})`;
  return `Look at process ${pid}${name}: \`ps -o pid,etime,rss,pcpu,args -p ${pid}\`${files}${threads}.`;
}

function further({ path, protected: guarded, pid, kind }: NamedSubject, acted: boolean): string {
  const end = pid === null || kind === "processes" ? "stop its unit" : `\`kill ${pid}\``;
  if (guarded !== null) return `HOSA never contains it (${guarded}). To end it: ${end}.`;
  const lift = acted ? "To lift what HOSA did: `hosa release`. " : "";
  if (path === "" || path === "/") return `${lift}If it is expected, nothing needs to be done. To end it: ${end}.`;
  return `${lift}If it is expected, add "${path}" to \`protect\` in the configuration: HOSA then never contains it. To end it: ${end}.`;
}
