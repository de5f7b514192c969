import { readFileSync } from "node:fs";
import senses from "../../build/senses.bpf.o" with { type: "file" };
import shield from "../../build/shield.bpf.o" with { type: "file" };

// Built by scripts/build-bpf.sh: embedded in the compiled binary, files beside the sources otherwise.

export function senses_object(): Uint8Array {
  return readFileSync(senses);
}

export function shield_object(): Uint8Array {
  return readFileSync(shield);
}
