import { CHART_STYLE, DARK, LIGHT, variables } from "./chart_style.ts";

/** The page's looks: system fonts, light and dark by preference, printable, readable down to a telephone. Contrasts are WCAG AA. */
export const EPISODE_STYLE = `
:root{color-scheme:light dark;${variables(LIGHT)}}
@media (prefers-color-scheme:dark){:root{${variables(DARK)}}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:70rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
header p,footer{color:var(--soft)}
h1{font-size:1.9rem;line-height:1.2;margin:.2rem 0 .6rem;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:0 0 .8rem}
h3{font-size:.95rem;margin:1.4rem 0 .4rem;color:var(--soft);font-weight:600}
p{margin:.3rem 0 .8rem;max-width:48rem;overflow-wrap:anywhere}
p.soft{font-size:.88rem;margin-bottom:.5rem}p code{overflow-wrap:anywhere}
.eyebrow{font-size:.85rem;letter-spacing:.02em;margin:0;color:var(--soft)}
.lead{font-size:1.08rem;color:var(--ink)}
section{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:1.4rem 1.5rem;margin:1.1rem 0}
dl.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(11.5rem,1fr));gap:.8rem;margin:1.4rem 0 0}
dl.facts div{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:.8rem 1rem}
dl.facts dt{font-size:.8rem;color:var(--soft)}
dl.facts dd{margin:.1rem 0 0;font-size:1.25rem;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
dl.facts dd small{display:block;font-size:.8rem;font-weight:400;color:var(--soft)}
.wide{overflow-x:auto;margin:0 -.2rem;padding:0 .2rem}
.wide:focus-visible,summary:focus-visible{outline:2px solid var(--blue);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:.88rem;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:.45rem .8rem .45rem 0;border-top:1px solid var(--grid);overflow-wrap:break-word}
thead th{border-top:0;color:var(--soft);font-weight:600;font-size:.8rem;white-space:nowrap}
tbody th{font-weight:500}
td.n,th.n{text-align:right;white-space:nowrap}
td.bar{width:34%;min-width:8rem}
.nowrap{white-space:nowrap}
code{font:.86em/1.4 ui-monospace,"SF Mono",Menlo,"DejaVu Sans Mono",monospace;overflow-wrap:break-word}
.badge{display:inline-block;padding:.05rem .55rem;border-radius:99px;color:var(--on);font-size:.8rem;white-space:nowrap}
.l0{background:var(--l0)}.l1{background:var(--l1)}.l2{background:var(--l2)}.l3{background:var(--l3)}.l4{background:var(--l4)}.l5{background:var(--l5)}
.good{color:var(--green);font-weight:600}.bad{color:var(--red);font-weight:600}.soft{color:var(--soft)}
details{margin-top:.8rem}summary{cursor:pointer;color:var(--blue);font-size:.9rem}
details[open] summary{margin-bottom:.6rem}
svg{display:block;width:100%;height:auto}
.chart svg{min-width:58rem}
.chart+.chart{margin-top:1.6rem}
${CHART_STYLE}
svg .share{fill:var(--blue)}svg .share.against{fill:var(--soft)}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;list-style:none;padding:0;margin:.8rem 0 0;font-size:.85rem;color:var(--soft)}
.legend i{display:inline-block;width:1.4rem;height:.6rem;border-radius:3px;margin-right:.4rem;vertical-align:baseline}
.k-distance{background:var(--blue)}.k-memory{background:var(--pink)}.k-heading{background:repeating-linear-gradient(90deg,var(--red) 0 3px,transparent 3px 7px)}
.k-gap{background:var(--gap)}.k-on{background:var(--blue)}.k-off{background:var(--pale)}.legend .k-released{width:3px;background:var(--green)}.k-note{background:var(--soft)}
.k-level{background:var(--orange)}.k-action{background:var(--blue)}.k-release{background:var(--green)}.k-verdict{background:var(--violet)}.legend .dot{width:.6rem;border-radius:50%}
footer{font-size:.85rem;margin-top:1.6rem}
@media (max-width:40rem){main{padding:1.5rem .8rem}section{padding:1rem}h1{font-size:1.5rem}.many table{min-width:44rem}}
@media print{body{background:#fff}section,dl.facts div{break-inside:avoid}main{max-width:none;padding:0}}
`;
