/** Name in the header by which a file is known as ours: no other file is ever written to. */
export const LABEL = "hosa-reserve";
const VERSION = 1;
const SIGNATURE = "SWAPSPACE2";
const VERSION_AT = 1024;
const LAST_PAGE_AT = 1028;
const UUID_AT = 1036;
const UUID_BYTES = 16;
const LABEL_AT = 1052;
const LABEL_BYTES = 16;

/** The first page of a swap area as the kernel reads it (union swap_header in linux/swap.h). */
export function swap_header(page_bytes: number, size_bytes: number, uuid: Uint8Array): Uint8Array {
  const page = Buffer.alloc(page_bytes);
  page.writeUInt32LE(VERSION, VERSION_AT);
  page.writeUInt32LE(Math.floor(size_bytes / page_bytes) - 1, LAST_PAGE_AT);
  page.set(uuid.subarray(0, UUID_BYTES), UUID_AT);
  page.write(LABEL, LABEL_AT, LABEL_BYTES, "latin1");
  page.write(SIGNATURE, page_bytes - SIGNATURE.length, "latin1");
  return page;
}

/** What a first page says: not a swap header of ours, or how large an area it describes. */
export function read_header(page: Uint8Array): { readonly size_bytes: number } | null {
  const bytes = Buffer.from(page.buffer, page.byteOffset, page.byteLength);
  if (bytes.toString("latin1", bytes.length - SIGNATURE.length) !== SIGNATURE) return null;
  const label = bytes.toString("latin1", LABEL_AT, LABEL_AT + LABEL_BYTES).replace(/\0.*$/s, "");
  if (label !== LABEL || bytes.readUInt32LE(VERSION_AT) !== VERSION) return null;
  return { size_bytes: (bytes.readUInt32LE(LAST_PAGE_AT) + 1) * bytes.length };
}
