/** Files imported `with { type: "file" }`: the path under which the runtime finds them. */
declare module "*.bpf.o" {
  const path: string;
  export default path;
}

declare module "*.elf" {
  const path: string;
  export default path;
}

declare module "*.gz" {
  const path: string;
  export default path;
}
