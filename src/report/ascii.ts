/**
 * Text for a terminal whose locale is not UTF-8: every character outside of ASCII is replaced by one that means the same, or by
 * its number. A longer replacement takes its columns from the padding after it, so that tables stay aligned.
 */
export function to_ascii(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is the range of ASCII
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  return text.split("\n").map(line_to_ascii).join("\n");
}

/** The characters HOSA writes itself; the digits of exponents are below. */
const REPLACEMENTS: Readonly<Record<string, string>> = {
  "−": "-",
  "–": "-",
  "—": "-",
  "‐": "-",
  "‑": "-",
  "·": "|",
  "•": "*",
  "…": "...",
  "→": "->",
  "←": "<-",
  "↑": "^",
  "↓": "v",
  "⇄": "<->",
  "×": "x",
  "÷": "/",
  "±": "+/-",
  "≥": ">=",
  "≤": "<=",
  "≠": "!=",
  "≈": "~",
  "∞": "inf",
  "√": "sqrt ",
  "½": "1/2",
  "¼": "1/4",
  "‖": "||",
  "§": "section ",
  "°": "deg",
  "“": '"',
  "”": '"',
  "„": '"',
  "‘": "'",
  "’": "'",
  "«": '"',
  "»": '"',
  "\u00a0": " ",
  "\u202f": " ",
  "\u2009": " ",
  µ: "u",
  μ: "mu",
  α: "alpha",
  β: "beta",
  θ: "theta",
  κ: "kappa",
  λ: "lambda",
  ξ: "xi",
  ρ: "rho",
  σ: "sigma",
  τ: "tau",
  φ: "phi",
  χ: "chi",
  Δ: "Delta",
  Σ: "Sigma",
  Φ: "Phi",
  ᵀ: "^T",
  ₙ: "_n",
  "₊": "_+",
  "▁": "_",
  "▂": ".",
  "▃": "-",
  "▄": "~",
  "▅": "=",
  "▆": "+",
  "▇": "*",
  "█": "#",
  "▓": "#",
  "▒": ":",
  "░": ".",
  "▲": "^",
  "▼": "v",
  "▶": ">",
  "◀": "<",
  "●": "*",
  "○": "o",
  "◆": "*",
  "■": "#",
  "□": "o",
  "✓": "+",
  "✔": "+",
  "✗": "x",
  "✘": "x",
  "�": "?",
};

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻";
const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";
const SIGNS_AND_DIGITS = "0123456789+-";

/** D with a bar, exponents, indices, a gap of spaces, a run of ASCII, or one character with its combining marks. */
const PIECES = /D\u0304|[⁰¹²³⁴-⁹⁺⁻]+|[₀-₉]+| {2,}|[!-~ ]|.\p{M}*/gsu;

function line_to_ascii(line: string): string {
  let out = "";
  // Columns by which what was written so far is longer than what it stands for.
  let owed = 0;
  for (const [piece] of line.matchAll(PIECES)) {
    if (piece.startsWith("  ")) {
      const taken = Math.min(owed, piece.length - 1);
      out += piece.slice(taken);
      owed -= taken;
      continue;
    }
    const ascii = piece_to_ascii(piece);
    if (ascii !== piece) owed += Math.max(0, ascii.length - Bun.stringWidth(piece));
    out += ascii;
  }
  return out;
}

function piece_to_ascii(piece: string): string {
  if (piece === "D\u0304") return "Dbar";
  if (SUPERSCRIPTS.includes(piece.charAt(0))) return `^${digits(piece, SUPERSCRIPTS)}`;
  if (SUBSCRIPTS.includes(piece.charAt(0))) return `_${digits(piece, SUBSCRIPTS)}`;
  return REPLACEMENTS[piece] ?? [...piece].map(character_to_ascii).join("");
}

function digits(text: string, alphabet: string): string {
  return [...text].map((one) => SIGNS_AND_DIGITS.charAt(alphabet.indexOf(one))).join("");
}

function character_to_ascii(character: string): string {
  const point = character.codePointAt(0) ?? 0;
  if (point < 0x80) return character;
  const hex = point.toString(16);
  return hex.length <= 4 ? `\\u${hex.padStart(4, "0")}` : `\\u{${hex}}`;
}

/** A line of box characters is drawn with `-`, `|` and `+`. */
for (let point = 0x2500; point <= 0x257f; point++) {
  const box = String.fromCodePoint(point);
  (REPLACEMENTS as Record<string, string>)[box] = "─━┄┅┈┉═".includes(box) ? "-" : "│┃┆┇┊┋║".includes(box) ? "|" : "+";
}
