import { dirname } from "node:path";
import { type Config, ConfigError } from "../config/index.ts";
import { geteuid } from "../ffi/libc.ts";
import { distrust_directory, distrust_file } from "../files/trust.ts";

const FILES_HINT =
  "The configuration decides what root does: each of its files and every directory above it must belong to root and be writable by root " +
  "alone (chown root, chmod go-w).";
const PLACES_HINT =
  "Root writes there and believes what it finds there: every directory of it must belong to root and must not be writable by other users " +
  "(chown root, chmod o-w), or the key must name another place.";

/** Nothing where this process has no more rights than whoever could change a file. */
const acts_as_root = (): boolean => geteuid() === 0;

/** Files whose keys root obeys. Throws ConfigError naming each that another user could change. */
export function require_trusted_files(files: readonly string[]): void {
  if (!acts_as_root()) return;
  const problems = files.flatMap((file) => {
    const why = distrust_file(file);
    return why === null ? [] : [`${file}: configuration is not used: ${why}`];
  });
  if (problems.length > 0) throw new ConfigError(problems, FILES_HINT);
}

/** The configuration, if no other user could change what root writes or finds in the places it names. Throws ConfigError. */
export function with_trusted_places(config: Config): Config {
  if (!acts_as_root()) return config;
  const problems = places(config).flatMap(({ key, directory, group_may_write }) => {
    const why = distrust_directory(directory, group_may_write);
    return why === null ? [] : [`${key}: ${directory} is not used: ${why}`];
  });
  if (problems.length > 0) throw new ConfigError(problems, PLACES_HINT);
  return config;
}

interface Place {
  readonly key: string;
  readonly directory: string;
  readonly group_may_write: boolean;
}

function places({ motor, audit, learning, control, reserve, quarantine }: Config): readonly Place[] {
  const place = (key: string, directory: string, group_may_write = false): Place => ({
    key,
    directory,
    group_may_write,
  });
  return [
    place("motor.ledger_dir", motor.ledger_dir),
    // Some distributions give /var/log to a group of its own.
    place("audit.path", dirname(audit.path), true),
    place("learning.state_dir", learning.state_dir),
    ...(control.enabled && control.socket !== "" ? [place("control.socket", dirname(control.socket))] : []),
    ...(reserve.path === "" ? [] : [place("reserve.path", dirname(reserve.path))]),
    ...(quarantine.enabled ? [place("quarantine.conservative_marker", dirname(quarantine.conservative_marker))] : []),
  ];
}
