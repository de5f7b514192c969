/**
 * bun scripts/link-entry.ts PROGRAM ENTRY : puts ENTRY (src/entry/, a flat piece of code) ahead of the entry point of PROGRAM, a 64-bit ELF file.
 * PROGRAM gets a segment for it in the place of its note segment, which nothing reads at run time; everything else keeps its address.
 * Exit status: 0 done, 1 the file is not of the expected form.
 */

import { closeSync, fstatSync, openSync, readFileSync, readSync, writeSync } from "node:fs";

const PAGE_BYTES = 4096;
const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const SEGMENTS_MAX = 64;
const ELF64_LITTLE_ENDIAN = "\x7fELF\x02\x01\x01";
const X86_64 = 62;
const PT_LOAD = 1;
const PT_NOTE = 4;
const READ_AND_EXECUTE = 5;

/** Offsets within the file's header and within an entry of the program header table, elf(5). */
const HEADER = { machine: 18, entry: 24, table: 32, segment_bytes: 54, segments: 56 } as const;
const SEGMENT = {
  type: 0,
  flags: 4,
  offset: 8,
  address: 16,
  physical: 24,
  in_file: 32,
  in_memory: 40,
  align: 48,
} as const;

function link(program: string, piece: Buffer): void {
  const fd = openSync(program, "r+");
  try {
    const header = read_at(fd, 0, HEADER_BYTES);
    check(header.toString("latin1", 0, 7) === ELF64_LITTLE_ENDIAN, "is no 64-bit little-endian ELF file");
    check(header.readUInt16LE(HEADER.machine) === X86_64, "is not for x86-64");
    const count = header.readUInt16LE(HEADER.segments);
    const sound = header.readUInt16LE(HEADER.segment_bytes) === SEGMENT_BYTES && count <= SEGMENTS_MAX;
    check(sound, "has an unexpected program header table");
    const table_at = number_at(header, HEADER.table);
    const table = read_at(fd, table_at, count * SEGMENT_BYTES);
    const offset = up_to_page(fstatSync(fd).size);
    const address = place(table, offset, piece.length);

    const entry = number_at(header, HEADER.entry);
    const distance_at = piece.length - 8;
    check(
      piece.readBigUInt64LE(distance_at) === 0n,
      "would get a piece that does not end with the place of a distance",
    );
    piece.writeBigInt64LE(BigInt(entry - (address + distance_at)), distance_at);
    header.writeBigUInt64LE(BigInt(address), HEADER.entry);

    const padding = Buffer.alloc(offset - fstatSync(fd).size);
    write_at(fd, offset - padding.length, Buffer.concat([padding, piece]));
    write_at(fd, table_at, table);
    write_at(fd, 0, header);
  } finally {
    closeSync(fd);
  }
}

/** Turns the note segment of the table into one for the piece, behind all others in memory. Returns its address. */
function place(table: Buffer, offset: number, size_bytes: number): number {
  const segments = Array.from({ length: table.length / SEGMENT_BYTES }, (_, i) =>
    table.subarray(i * SEGMENT_BYTES, (i + 1) * SEGMENT_BYTES),
  );
  const note = segments.findLast((segment) => segment.readUInt32LE(SEGMENT.type) === PT_NOTE);
  if (note === undefined) throw new Error("has no note segment to give up; was the entry linked already?");
  const loaded = segments.filter((segment) => segment.readUInt32LE(SEGMENT.type) === PT_LOAD);
  // The table must name what is loaded by rising addresses.
  check(segments.indexOf(note) > segments.indexOf(loaded.at(-1)!), "has its note segment ahead of a loaded one");
  const end = Math.max(
    ...loaded.map((segment) => number_at(segment, SEGMENT.address) + number_at(segment, SEGMENT.in_memory)),
  );
  const address = up_to_page(end);
  note.writeUInt32LE(PT_LOAD, SEGMENT.type);
  note.writeUInt32LE(READ_AND_EXECUTE, SEGMENT.flags);
  note.writeBigUInt64LE(BigInt(offset), SEGMENT.offset);
  for (const at of [SEGMENT.address, SEGMENT.physical]) note.writeBigUInt64LE(BigInt(address), at);
  for (const at of [SEGMENT.in_file, SEGMENT.in_memory]) note.writeBigUInt64LE(BigInt(size_bytes), at);
  note.writeBigUInt64LE(BigInt(PAGE_BYTES), SEGMENT.align);
  return address;
}

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

function up_to_page(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}

function number_at(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}

function read_at(fd: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  check(readSync(fd, bytes, 0, length, at) === length, "is too short");
  return bytes;
}

function write_at(fd: number, at: number, bytes: Buffer): void {
  check(writeSync(fd, bytes, 0, bytes.length, at) === bytes.length, "cannot be written as a whole");
}

const [program, piece] = process.argv.slice(2);
if (program === undefined || piece === undefined) {
  console.error("usage: bun scripts/link-entry.ts PROGRAM ENTRY");
  process.exit(1);
}
try {
  link(program, readFileSync(piece));
} catch (error) {
  console.error(`link-entry: ${program} ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
