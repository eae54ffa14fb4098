/**
 * Charts for a page that has no script: lines as SVG that stretches with the page, labels as HTML beside it, so that a
 * phone shows the same letters as a desktop. A chart is a picture of numbers; the table behind it is the page's business.
 */
import { type Markup, markup, none } from "./markup.ts";

export type Point = readonly [x: number, y: number];
export type Line = { readonly kind: string; readonly points: readonly Point[]; readonly filled?: boolean };
/** A minor tick keeps its label to itself where there is little room. */
export type Tick = { readonly at: number; readonly label: string; readonly minor?: boolean };

/** A span of the x axis that is shaded, with a letter above it. */
export type Band = { readonly from: number; readonly to: number; readonly letter: string };

export type Chart = {
  /** What it shows, in a sentence, for those who do not see it. */
  readonly says: string;
  readonly lines: readonly Line[];
  readonly x: Scale;
  readonly y: Scale;
  readonly bands?: readonly Band[];
  readonly showBandLetters?: boolean;
  readonly tall?: boolean;
};

/** Maps a value to a share of the axis, 0 to 1, and names some values. */
export type Scale = { readonly place: (value: number) => number; readonly ticks: readonly Tick[] };

const width = 1000;
const height = 300;

export function drawChart({ says, lines, x, y, bands = [], showBandLetters = false, tall = false }: Chart): Markup {
  const px = (value: number) => round(width * clamp(x.place(value)));
  const py = (value: number) => round(height * (1 - clamp(y.place(value))));
  const paths = lines.map(({ kind, points, filled }) => {
    const [first] = points;
    if (first === undefined) return none;
    // A stroke of no length with round ends is a dot, however the picture is stretched.
    if (kind === "dots")
      return markup`<path class="dots" d="${points.map(([atX, atY]) => `M${px(atX)} ${py(atY)}h0`).join("")}"/>`;
    const trace = points.map(([atX, atY]) => `${px(atX)} ${py(atY)}`).join("L");
    const closed =
      filled === true ? `M${px(first[0])} ${height}L${trace}L${px(points.at(-1)?.[0] ?? 0)} ${height}Z` : `M${trace}`;
    return markup`<path class="${kind}" d="${closed}"/>`;
  });
  return markup`<div class="chart${tall ? " tall" : ""}">
<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${says}">
${bands.map(({ from, to }) => markup`<rect class="band" x="${px(from)}" y="0" width="${Math.max(round(px(to) - px(from)), 3)}" height="${height}"/>`)}
${y.ticks.map(({ at }) => markup`<path class="grid" d="M0 ${py(at)}H${width}"/>`)}
<path class="grid" d="M0 ${height}H${width}"/>
${paths}
</svg>
<div aria-hidden="true">${y.ticks.map(({ at, label }) => markup`<span class="y" style="top:${round(100 * (1 - clamp(y.place(at))))}%">${label}</span>`)}${x.ticks.map(({ at, label, minor }) => markup`<span class="x${minor === true ? " minor" : ""}" style="left:${round(100 * clamp(x.place(at)))}%">${label}</span>`)}${
    showBandLetters
      ? bands.map(
          ({ from, to, letter }) =>
            markup`<b class="letter" style="left:${round(50 * (clamp(x.place(from)) + clamp(x.place(to))))}%">${letter}</b>`,
        )
      : none
  }</div>
</div>`;
}

/** From zero to something round above the greatest value, with three to five lines. */
export function linearScale(most: number, label: (value: number) => string): Scale {
  const step = niceStep(Math.max(most, 1e-9) / 4);
  const top = Math.max(Math.ceil(most / step - 1e-9), 1) * step;
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => ({
    at: index * step,
    label: label(index * step),
  }));
  return { place: (value) => value / top, ticks };
}

/** From a round value below the least to one above the greatest, a line at each decade; a zero is at the bottom. */
export function logScale(least: number, most: number, label: (value: number) => string): Scale {
  const from = Math.log10(roundDown(Math.max(least, 1e-3)));
  const to = Math.max(-Math.log10(roundDown(1 / Math.max(most, 1e-3))), from + 1);
  const ticks: Tick[] = [];
  for (let power = Math.ceil(from - 1e-9); power <= to + 1e-9; power += 1)
    ticks.push({ at: 10 ** power, label: label(10 ** power) });
  return { place: (value) => (value <= 0 ? 0 : (Math.log10(value) - from) / (to - from)), ticks };
}

/** The next of 1, 2, 5 and their decades that is not above. */
function roundDown(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-9);
  return ([5, 2, 1].find((step) => step * power <= value * (1 + 1e-9)) ?? 1) * power;
}

/** Percentiles, each nine as wide as the one before it, as far as this many recordings can tell. */
export function percentileScale(recordings: number): Scale {
  const nines = Math.min(Math.max(Math.floor(Math.log10(Math.max(recordings, 1))), 2), 5);
  const place = (percentile: number) => -Math.log10(Math.max(1 - percentile / 100, 10 ** -nines)) / nines;
  const named: readonly [number, string][] = [
    [0, "0 %"],
    [50, "50 %"],
    [90, "90 %"],
    [99, "99 %"],
    [99.9, "99.9 %"],
    [99.99, "99.99 %"],
    [99.999, "99.999 %"],
  ];
  return {
    place,
    ticks: named
      .filter(([at]) => Math.round(-Math.log10(1 - at / 100) * 1e6) / 1e6 <= nines)
      .map(([at, label]) => ({ at, label, minor: at === 50 || (at === 99.99 && nines === 5) })),
  };
}

/** Seconds, with about six labels at times that a clock would show. */
export function timeScale(seconds: number, label: (value: number) => string): Scale {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200];
  const step = steps.find((candidate) => seconds / candidate <= 6) ?? 86_400;
  const ticks = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, index) => ({
    at: index * step,
    label: label(index * step),
    minor: index % 2 === 1,
  }));
  return { place: (value) => value / Math.max(seconds, 1), ticks };
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5, 10].find((step) => step * power >= rough * (1 - 1e-9)) ?? 10) * power;
}

const clamp = (value: number): number => Math.min(Math.max(value, 0), 1);
const round = (value: number): number => Math.round(value * 100) / 100;
