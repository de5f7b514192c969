/** Colors by name, for light and dark. Text has a contrast of 4.5 to its ground, lines and marks 3. */
export type Palette = Readonly<Record<string, string>>;

export const LIGHT: Palette = {
  ink: "#1b2330",
  soft: "#5a6575",
  page: "#f5f6f8",
  card: "#ffffff",
  line: "#dde1e8",
  grid: "#e9ecf1",
  gap: "#d3d8e0",
  blue: "#1f6fb2",
  pale: "#a9c9e6",
  pink: "#a8457f",
  green: "#2c7a4f",
  red: "#b3263e",
  violet: "#6a4fc0",
  orange: "#b3591f",
  l0: "#8fc7a5",
  l1: "#f0cf6b",
  l2: "#f0a468",
  l3: "#e57a7a",
  l4: "#e0808f",
  l5: "#c893c2",
  on: "#20140a",
};

export const DARK: Palette = {
  ink: "#e6e9ef",
  soft: "#9aa6b8",
  page: "#11151c",
  card: "#181e28",
  line: "#2b3442",
  grid: "#232b37",
  gap: "#39424f",
  blue: "#64b0ee",
  pale: "#2f5476",
  pink: "#e28bbd",
  green: "#6fcf97",
  red: "#ff8194",
  violet: "#b19cf5",
  orange: "#e39a5b",
  l0: "#2f6b4a",
  l1: "#7a5c0c",
  l2: "#96541f",
  l3: "#97393d",
  l4: "#8b2440",
  l5: "#6b2e67",
  on: "#ffffff",
};

/** Rules for what a picture is drawn with; its colors are variables of the page around it. */
export const CHART_STYLE = `svg{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--ink)}
svg .ground{fill:var(--card)}
svg .tick{fill:var(--soft)}svg .caption{fill:var(--soft)}svg .on-level{fill:var(--on)}svg .heading-text{font-size:14px;font-weight:600}
svg .level-0{fill:var(--l0)}svg .level-1{fill:var(--l1)}svg .level-2{fill:var(--l2)}svg .level-3{fill:var(--l3)}svg .level-4{fill:var(--l4)}svg .level-5{fill:var(--l5)}
svg .wash{opacity:.16}
svg .gap{fill:var(--gap);opacity:.7}
svg line,svg polyline{fill:none;stroke-width:1}
svg .grid{stroke:var(--grid)}svg .axis{stroke:var(--line)}svg .theta{stroke:var(--soft);stroke-dasharray:3 5;opacity:.75}
svg .limit{stroke:var(--red);stroke-dasharray:7 4}
svg .distance{stroke:var(--blue);stroke-width:2;stroke-linejoin:round}
svg .memory{stroke:var(--pink);stroke-width:2.2;stroke-linejoin:round}
svg .distance.sample{fill:var(--blue);stroke:none}svg .memory.sample{fill:var(--pink);stroke:none}
svg .heading{stroke:var(--red);stroke-width:1.8;stroke-dasharray:2 5;stroke-linecap:round}
svg .exhausted{fill:var(--red)}
svg .lane{fill:var(--pale)}svg .lane-on{fill:var(--blue)}svg .released{stroke:var(--green);stroke-width:3}
svg .mark{stroke:var(--card);stroke-width:1.2;fill:var(--soft)}svg .mark.level{fill:var(--orange)}svg .mark.action{fill:var(--blue)}
svg .mark.release{fill:var(--green)}svg .mark.verdict{fill:var(--violet)}`;

/** A palette as custom properties. */
export function variables(palette: Palette): string {
  return Object.entries(palette)
    .map(([name, color]) => `--${name}:${color}`)
    .join(";");
}

/** The rules for a picture without a page around it: with the colors put in, because not every viewer knows variables. */
export function standalone_style(): string {
  const with_colors = (palette: Palette): string =>
    CHART_STYLE.replace(/var\(--([a-z0-9]+)\)/g, (_, name: string) => palette[name] ?? "");
  return `${with_colors(LIGHT)}\n@media (prefers-color-scheme:dark){${with_colors(DARK)}}`;
}
