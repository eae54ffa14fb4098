/** The sheet of the reports: the house's paper, ink and water, on screens of any width, in the dark, and on paper. */
export const reportStyle = `
:root{color-scheme:light dark;--paper:light-dark(#f8f8f5,#0e1413);--raised:light-dark(#fff,#151c1b);--ink:light-dark(#14211f,#e6ece9);--soft:light-dark(#55635f,#9dada8);--line:light-dark(#dadcd6,#2a3432);--deep:light-dark(#0d3d3c,#a9e2d6);--water:light-dark(#0b6b66,#7fd4c6);--sale:light-dark(#a9321b,#ff9d84);--warn:light-dark(#875400,#f0c26b);--wash:light-dark(#0b6b661f,#7fd4c626);--band:light-dark(#8754001f,#f0c26b26);--serif:ui-serif,"New York","Iowan Old Style","Sitka Display","Palatino Linotype",Georgia,"Times New Roman",serif;background:var(--paper);color:var(--ink);font:1rem/1.55 -apple-system,"Segoe UI Variable Text","Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",Arial,system-ui,sans-serif}
*{box-sizing:border-box}
body,h1,h2,h3,p,ul,dl,dd,figure{margin:0;padding:0}
h1,h2,h3{font-family:var(--serif);font-weight:400;text-wrap:balance}
header{background:#0d3d3c;color:#f1f5f2}
header.held{background:#0d3d3c}header.bad{background:#5c1d10}header.void{background:#3d3a33}
.in{max-width:72rem;margin:0 auto;padding-inline:clamp(1.25rem,5vw,3.5rem)}
header .in{padding-block:clamp(1.5rem,4vw,2.5rem) clamp(2.25rem,6vw,4rem)}
.mark{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;justify-content:space-between;font-size:.9375rem;opacity:.92}
.mark b{font:400 1.15rem var(--serif)}
h1,h2,p,li{overflow-wrap:anywhere}
h1{margin-top:clamp(1.75rem,5vw,3.25rem);font-size:clamp(2.4rem,1.5rem + 4.2vw,4.5rem);line-height:1.04;letter-spacing:-.025em}
.sub{margin-top:.9rem;max-width:38rem;font-size:1.125rem}
.why{margin:1.4rem 0 0;padding:0;list-style:none;max-width:46rem}
.why li{padding:.55rem 0;border-top:1px solid #ffffff3d}
.key{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:1.5rem 2rem;margin-top:clamp(2rem,5vw,3rem)}
.key dt{font-size:.875rem;opacity:.92}
.key dd{font:400 1.75rem/1.2 var(--serif);font-variant-numeric:lining-nums tabular-nums;letter-spacing:-.01em;white-space:nowrap}
section{padding-top:clamp(2.5rem,6vw,4rem)}
h2{font-size:clamp(1.5rem,1.25rem + 1vw,2rem);line-height:1.15;letter-spacing:-.015em}
h3{margin-top:1.75rem;font-size:1.1rem}
h2+p,h3+p{margin-top:.5rem;max-width:44rem;color:var(--soft)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr));gap:0 2.5rem;margin-top:1.25rem}
.facts div{display:flex;gap:1rem;justify-content:space-between;padding:.55rem 0;border-top:1px solid var(--line)}
.facts dt{color:var(--soft)}
.facts dd{text-align:right;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
figure{margin-top:1.25rem;padding:clamp(1rem,3vw,1.75rem);border:1px solid var(--line);background:var(--raised)}
.legend{display:flex;flex-wrap:wrap;gap:.35rem 1.5rem;align-items:center;margin-bottom:1.1rem;font-size:.9375rem}
.legend b{margin-right:auto;font-weight:500}
.legend span::before{content:"";display:inline-block;width:1.6rem;margin-right:.55rem;border-top:2.5px solid var(--water);vertical-align:.28em}
.legend .k-service::before{border-top-style:dashed;border-top-color:var(--soft)}
.legend .k-low::before{border-top-color:var(--soft);border-top-width:1.5px}
.legend .k-dots::before{width:.6rem;height:.6rem;border:0;border-radius:50%;background:var(--ink);vertical-align:0}
.legend .k-errors::before{border-top-color:var(--sale)}
.legend .k-band::before{height:.9rem;border:0;background:var(--band);vertical-align:-.15em}
.chart{position:relative;height:10rem;margin:0 1.25rem 1.9rem 3.6rem}
.chart.tall{height:clamp(15rem,36vw,22rem)}
.chart+.legend{margin-top:2.25rem}
.chart svg{display:block;width:100%;height:100%;overflow:visible}
.chart path{fill:none;stroke:var(--water);stroke-width:2.25;stroke-linejoin:round;vector-effect:non-scaling-stroke}
.chart .grid{stroke:var(--line);stroke-width:1}
.chart .area{fill:var(--wash);stroke-width:1.75}
.chart .service{stroke:var(--soft);stroke-dasharray:6 4;stroke-width:2}
.chart .low{stroke:var(--soft);stroke-width:1.25}
.chart .errors{stroke:var(--sale);fill:light-dark(#a9321b24,#ff9d8430);stroke-width:1.75}
.chart .dots{stroke:var(--ink);stroke-width:9;stroke-linecap:round}
.chart .band{fill:var(--band)}
.chart span,.chart .letter{position:absolute;color:var(--soft);font-size:.8125rem;line-height:1;font-variant-numeric:tabular-nums;white-space:nowrap}
.chart .y{right:calc(100% + .6rem);transform:translateY(-50%)}
.chart .x{top:calc(100% + .6rem);transform:translateX(-50%)}
.chart .letter{top:-1.15rem;transform:translateX(-50%);color:var(--warn);font-weight:600}
summary{margin-top:1rem;padding:.6rem 0;color:var(--soft);font-size:.9375rem;cursor:pointer}
.scroll{overflow-x:auto;margin-top:1.25rem}
details .scroll{margin-top:.25rem}
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
th,td{padding:.6rem 1.25rem .6rem 0;border-top:1px solid var(--line);font-weight:400;text-align:left;vertical-align:top}
thead th,thead td{border-top:0}thead th{color:var(--soft);font-size:.875rem;vertical-align:bottom}
th.n,td.n{text-align:right;white-space:nowrap}
th:last-child,td:last-child{padding-right:0}
td small,th small{display:block;color:var(--soft);font-size:.875rem}
.ok{color:var(--water)}.no{color:var(--sale);font-weight:600}.soft{color:var(--soft)}
.notes{margin-top:1rem;padding:0;list-style:none}.notes li{padding:.5rem 0;border-top:1px solid var(--line);overflow-wrap:anywhere}
:focus-visible{outline:2px solid var(--water);outline-offset:3px}
footer{margin-top:clamp(3rem,8vw,5rem);border-top:1px solid var(--line);color:var(--soft);font-size:.875rem}
footer .in{padding-block:1.5rem 3rem}
code{font:.875em ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;overflow-wrap:anywhere}
@media (max-width:44rem){.scroll.cards thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}.scroll.cards table,.scroll.cards tbody{display:block}.scroll.cards tr{display:grid;grid-template-columns:repeat(3,1fr);gap:.4rem .75rem;padding:.9rem 0;border-top:1px solid var(--line)}.scroll.cards tr:first-child{border-top:0}.scroll.cards th,.scroll.cards td{overflow-wrap:anywhere;padding:0;border:0;text-align:left}.scroll.cards tbody th,.scroll.cards .full{grid-column:1/-1}.scroll.cards tbody th{font-weight:500}.scroll.cards tbody th small{font-weight:400}.scroll.cards td.n{white-space:normal}.scroll.cards td.n[data-of]:not([data-of=""])::before{content:attr(data-of);display:block;color:var(--soft);font-size:.8125rem}.scroll.cards td[data-of=""]{align-self:end}.chart{margin:0 1rem 1.9rem 3.1rem}.chart .minor{display:none}.key dd{font-size:1.5rem}}
@media print{:root{color-scheme:light;font-size:10pt}@page{margin:14mm}header{background:none!important;color:var(--ink);border-bottom:2px solid var(--ink)}header.bad h1{color:var(--sale)}.why li{border-color:var(--line)}header .in,.in{padding-inline:0;max-width:none}header .in{padding-block:0 1.25rem}h1{margin-top:1.25rem;font-size:30pt}section{padding-top:1.75rem}figure,tr,.facts div,.key{break-inside:avoid}h2,h3{break-after:avoid}details{display:none}.chart{height:8rem}.chart.tall{height:16rem}.band,.area,.errors,.legend span::before{print-color-adjust:exact;-webkit-print-color-adjust:exact}.scroll{overflow:visible}}
`.replace(/\n/g, "");
