/** The process that asked for something through the control socket, as the kernel knows it. */
export interface Asker {
  readonly uid: number;
  readonly pid: number;
}
