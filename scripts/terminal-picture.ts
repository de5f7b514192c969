/**
 * bun scripts/terminal-picture.ts FILE.ansi > FILE.svg : a captured terminal screen (`tmux capture-pane -p -e`) as a picture for the documents.
 * It knows what HOSA's colors use: bold, dim, the sixteen colors of the foreground, and reset.
 */
import { readFileSync } from "node:fs";

const CELL = { width: 8.4, height: 17 } as const;
const COLORS = ["#45475a", "#f38ba8", "#a6e3a1", "#f9e2af", "#89b4fa", "#f5c2e7", "#94e2d5", "#bac2de"] as const;
const FOREGROUND = "#cdd6f4";
const BACKGROUND = "#1e1e2e";

const STYLED = new RegExp(`${String.fromCharCode(27)}\\[([\\d;]*)m`);

interface Look {
  color: string;
  bold: boolean;
  dim: boolean;
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function changed(look: Look, codes: string): Look {
  let next = { ...look };
  for (const code of codes === "" ? [0] : codes.split(";").map(Number)) {
    if (code === 0) next = { color: FOREGROUND, bold: false, dim: false };
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 22) next = { ...next, bold: false, dim: false };
    else if (code === 39) next.color = FOREGROUND;
    else if (code >= 30 && code <= 37) next.color = COLORS[code - 30]!;
    else if (code >= 90 && code <= 97) next.color = COLORS[code - 90]!;
  }
  return next;
}

const path = process.argv[2];
if (path === undefined) {
  console.error("usage: bun scripts/terminal-picture.ts FILE.ansi > FILE.svg");
  process.exit(2);
}
let look: Look = { color: FOREGROUND, bold: false, dim: false };
let columns = 0;
const rows = readFileSync(path, "utf8").trimEnd().split("\n");
const texts = rows.flatMap((row, y) => {
  let x = 0;
  const parts: string[] = [];
  for (const [i, part] of row.split(STYLED).entries()) {
    if (i % 2 === 1) look = changed(look, part);
    else if (part !== "") {
      const style = ` style="white-space:pre"${look.bold ? ' font-weight="bold"' : ""}${look.dim ? ' opacity="0.65"' : ""}`;
      const at = `x="${(12 + x * CELL.width).toFixed(1)}" y="${24 + y * CELL.height}"`;
      if (part.trim() !== "") parts.push(`<text ${at} fill="${look.color}"${style}>${escaped(part)}</text>`);
      x += [...part].length;
    }
  }
  columns = Math.max(columns, x);
  return parts;
});
const [width, height] = [Math.ceil(24 + columns * CELL.width), 24 + rows.length * CELL.height];
console.log(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14" xml:space="preserve">
<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>
${texts.join("\n")}
</svg>`);
