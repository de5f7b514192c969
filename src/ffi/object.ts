import { readFileSync } from "node:fs";
import object from "../../build/senses.bpf.o" with { type: "file" };

/** The BPF object built by scripts/build-bpf.sh: embedded in the compiled binary, a file beside the sources otherwise. */
export function senses_object(): Uint8Array {
  return readFileSync(object);
}
