/** What is not for sale: the picture of the first page, the mark, and company for pages that have bad news. */
import { fade, gradientsFor, round } from "./scene.ts";

const svg = (width: number, height: number, viewBox: string, drawing: string, defs = ""): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="${viewBox}"><defs>${gradientsFor(drawing + defs)}${defs}</defs>${drawing}</svg>`;

const halo = (id: string, colour: string, strength: number): string =>
  `<radialGradient id="${id}"><stop stop-color="${colour}" stop-opacity="${strength}"/><stop offset=".4" stop-color="${colour}" stop-opacity="${round(strength * 0.35)}"/><stop offset="1" stop-color="${colour}" stop-opacity="0"/></radialGradient>`;

/** A pine of four tiers with its tip at x, y. */
function pine(x: number, y: number, size: number): string {
  const step = Math.round(size * 0.62);
  const tiers = [0.34, 0.52, 0.7, 0.9].map((share) => ({
    out: Math.round(size * share),
    back: Math.round(size * share * 0.5),
  }));
  const foot = tiers.reduce((sum, { out, back }) => sum + out - back, 0);
  const right = tiers.map(({ out, back }) => `l${out} ${step}h-${back}`);
  const left = tiers.toReversed().map(({ out, back }) => `h-${back}l${out}-${step}`);
  return `M${x} ${y}${right.join("")}h-${2 * foot}${left.join("")}z`;
}

/** A lake under the northern lights, a cabin that has its lamps lit, and a lantern on the jetty. 1600 to 1200. */
export function hero(): string {
  const fells = "M0 352l70-66 46 36 84-98 66 78 40-34 74 72 62-50 54 46 86-112 74 92 48-40 96 82v90H0z";
  const snow = "M200 224l-32 38 18-6 14 14 16-12 20 8zM582 224l-38 50 20-8 16 14 16-16 24 14z";
  return svg(
    1600,
    1200,
    "0 0 800 600",
    '<path fill="url(#s)" d="M0 0h800v600H0z"/>' +
      '<circle cx="400" cy="300" r="236" fill="#ffd7a8" opacity=".12"/><circle cx="400" cy="300" r="176" fill="#ffd7a8" opacity=".16"/>' +
      '<path fill="#fff" opacity=".9" d="M62 70h3v3h-3zM130 38h2v2h-2zM210 92h3v3h-3zM284 40h2v2h-2zM330 120h2v2h-2zM96 150h2v2h-2zM452 46h3v3h-3zM520 108h2v2h-2zM604 36h3v3h-3zM690 84h2v2h-2zM748 44h3v3h-3zM720 160h2v2h-2zM24 210h2v2h-2zM402 84h2v2h-2z"/>' +
      '<path fill="url(#a)" d="M0 210C90 120 130 60 236 96s120 110 232 52S640 10 800 66v170c-110-50-190 10-300 40S330 220 230 214 90 260 0 320z"/><path fill="url(#b)" d="M0 300c120-40 160-152 280-144s120 96 220 62 130-120 300-96v120c-130-30-210 40-310 56s-160-40-230-40-190 60-260 82z"/>' +
      `<path fill="url(#m)" d="${fells}"/><path fill="#f4ecf6" opacity=".75" d="${snow}"/>` +
      '<path fill="#3c3f6b" d="M0 392l60-44 50 26 76-58 60 52 54-26 70 44 72-38 50 26 88-60 70 54 60-34 90 54v40H0z"/><path fill="url(#w)" d="M0 410h800v190H0z"/>' +
      '<ellipse cx="250" cy="448" rx="200" ry="34" fill="url(#e)"/><ellipse cx="590" cy="440" rx="190" ry="28" fill="url(#e)"/><path fill="#2b2f59" opacity=".55" d="M0 412l60 24 50-14 76 32 60-28 54 14 70-24 72 20 50-14 88 32 70-28 60 18 90-30v-6H0z"/>' +
      '<path stroke="#ffd9a0" stroke-width="3" stroke-linecap="round" opacity=".5" d="M346 446h110M372 462h70M330 480h60M420 482h58M372 500h72M350 520h36M412 522h30"/>' +
      `<path fill="#16263a" d="M0 404c80-14 150-12 214 6l-20 12c-70 8-130 10-194 6z"/><circle cx="126" cy="380" r="96" fill="url(#h)"/><path fill="#10202f" d="${pine(34, 268, 56)}${pine(210, 312, 38)}"/><path fill="#14293a" d="${pine(76, 300, 46)}${pine(182, 330, 30)}"/>` +
      '<path fill="#5a3140" d="M90 362l42-36 42 36v50H90z"/><path fill="#2b1c33" d="M78 364l54-42 54 42-6 8-48-36-48 36z"/><path fill="#ffd98a" d="M102 376h18v18h-18zM146 376h18v18h-18z"/><path fill="#ffb45c" d="M126 380h14v32h-14z"/><path fill="#2b1c33" d="M156 326h10v24h-10z"/><path fill="none" stroke="#fff" stroke-width="5" stroke-linecap="round" opacity=".25" d="M162 316c-8-14 8-20 0-36s10-20 4-32"/><path fill="#ffd08a" opacity=".28" d="M100 424h20l6 62h-30zM146 424h20l8 54h-30z"/>' +
      `<path fill="#16263a" d="M560 414c70-18 160-22 240-14v36c-90-4-170-10-240-22z"/><path fill="#10202f" d="${pine(782, 282, 56)}"/><path fill="#14293a" d="${pine(738, 326, 36)}${pine(626, 352, 24)}"/>` +
      '<path fill="#2a1c2c" opacity=".5" d="M612 528h188v44H640z"/><path fill="#33212c" d="M606 506h14v50h-14zM690 508h16v66h-16zM776 508h18v76h-18z"/><path fill="#7b5148" d="M634 480h166v26H594z"/><path fill="#4a2f33" d="M594 506h206v14H594z"/><path stroke="#4a2f33" stroke-width="2.5" opacity=".7" d="M664 480l-26 26M704 480l-18 26M744 480l-10 26M784 480l-2 26"/>' +
      '<ellipse cx="690" cy="496" rx="120" ry="26" fill="url(#h)"/><circle cx="690" cy="440" r="130" fill="url(#h)"/><path fill="none" stroke="#d9a860" stroke-width="4" d="M664 410c-10-50 62-50 52 0"/><path fill="url(#l)" d="M664 412h52l4 62h-60z"/><ellipse cx="690" cy="446" rx="10" ry="18" fill="#fffdf0"/><path stroke="#7c3820" stroke-width="3" d="M674 412v62M706 412v62"/><path fill="#b5532f" d="M670 392h40l12 22h-64zM654 472h72l6 22h-84z"/><ellipse cx="690" cy="556" rx="46" ry="26" fill="url(#h)" opacity=".5"/><path fill="#fff" opacity=".2" d="M670 392h14l-8 22h-18zM654 472h18l-4 22h-20z"/><circle cx="690" cy="484" r="6" fill="#f1cf94"/>' +
      '<path fill="#0c1723" d="M0 600v-64c60-20 120-8 178 64z"/><path fill="none" stroke="#1c3346" stroke-width="4" stroke-linecap="round" d="M24 540c0-26-8-40-16-50M44 538c2-30 10-44 20-56M66 544c4-22 14-34 26-42M92 556c4-16 12-26 22-32"/>',
    '<linearGradient id="s" x2="0" y2="1"><stop stop-color="#10173a"/><stop offset=".34" stop-color="#36386f"/><stop offset=".56" stop-color="#a4688b"/><stop offset=".7" stop-color="#f3b48c"/></linearGradient>' +
      '<linearGradient id="a" x2="0" y2="1"><stop stop-color="#b58bff" stop-opacity="0"/><stop offset=".4" stop-color="#9a86ff" stop-opacity=".6"/><stop offset=".75" stop-color="#5fe8c4" stop-opacity=".6"/><stop offset="1" stop-color="#5fe8c4" stop-opacity="0"/></linearGradient>' +
      '<linearGradient id="b" x2="0" y2="1"><stop stop-color="#a9ffd8" stop-opacity="0"/><stop offset=".55" stop-color="#7dffc9" stop-opacity=".6"/><stop offset="1" stop-color="#58e0c8" stop-opacity="0"/></linearGradient>' +
      `${fade("m", ["#6f639a", "#54568c"])}${fade("w", ["#d98f86", "#1d2448"])}${fade("l", ["#ffefb4", "#ffb566"])}${halo("h", "#ffc477", 0.75)}${halo("e", "#7cf0c8", 0.5)}`,
  );
}

/** The mark: a fell under the pole star. Legible at sixteen pixels, on light and on dark. */
export const logo = (): string =>
  svg(
    64,
    64,
    "0 0 64 64",
    '<rect width="64" height="64" rx="15" fill="url(#n)"/><path fill="#f8f8f5" d="M9 46l16-24 8 11 6-8 16 21z"/><path stroke="#7fd4c6" stroke-width="3.5" stroke-linecap="round" d="M14 53h36"/><path fill="#ffd68a" d="M46 6l2.3 7.2L55.5 15.5l-7.2 2.3L46 25l-2.3-7.2-7.2-2.3 7.2-2.3z"/>',
    fade("n", ["#14605c", "#0a2f33"]),
  );

/** The mark without detail, for a tab. */
export const favicon = (): string =>
  svg(
    32,
    32,
    "0 0 32 32",
    '<rect width="32" height="32" rx="8" fill="#0d3d3c"/><path fill="#f8f8f5" d="M4 25l8.5-13 4.5 6 3-4 8 11z"/><path fill="#ffd68a" d="M22 3l1.5 4L27 8.5 23.5 10 22 14l-1.5-4L17 8.5 20.5 7z"/>',
  );

const blob = "M66 176C50 96 108 42 196 40s116 22 170 24 92 52 84 128-52 128-142 132-92 20-160 10S82 256 66 176z";

/** Nothing is here: a signpost in the fog, with a lantern. */
export const lost = (): string =>
  svg(
    960,
    720,
    "0 0 480 360",
    `<path fill="url(#s)" d="${blob}"/><g clip-path="url(#k)"><circle cx="300" cy="130" r="62" fill="#fff6e2" opacity=".8"/><path fill="#8fb3b8" d="M20 260l96-104 64 68 80-96 70 84 50-50 110 110v120H20z"/><path fill="#fff" opacity=".55" d="M20 236c60-24 110 10 170-6s120-20 180 0 80 0 100-6v140H20z"/><path fill="#6d979b" d="M20 306l80-62 60 46 86-58 74 54 60-32 90 60v60H20z"/><path fill="#fff" opacity=".5" d="M20 292c70-20 120 12 190 0s130-16 260 6v70H20z"/><path fill="#4f7f7d" d="M20 326c100-24 300-28 440-4v50H20z"/></g>` +
      '<ellipse cx="240" cy="330" rx="80" ry="10" fill="url(#g)"/><path fill="#8a5d3f" d="M231 96h18v234h-18z"/><path fill="#6d4731" d="M240 96h9v234h-9z"/><path fill="#c08a58" d="M240 112h96l24 21-24 21h-96z"/><path fill="#a87347" d="M240 133h120l-24 21h-96z"/><path fill="#d19f6b" d="M240 168h-92l-24 21 24 21h92z"/><path fill="#b98352" d="M240 189H124l24 21h92z"/><path stroke="#fff3dc" stroke-width="5" stroke-linecap="round" opacity=".85" d="M262 133h26M300 133h8M168 189h30M210 189h8"/>' +
      '<path fill="none" stroke="#5b3b2a" stroke-width="4" d="M249 226h40v12"/><circle cx="289" cy="268" r="66" fill="url(#h)"/><path fill="none" stroke="#d9a860" stroke-width="3" d="M277 250c-2-18 26-18 24 0"/><path fill="#ffe3a0" d="M276 252h26l3 32h-32z"/><ellipse cx="289" cy="269" rx="5" ry="10" fill="#fffdf0"/><path fill="#b5532f" d="M278 242h22l7 12h-36zM270 283h38l3 13h-44z"/>' +
      '<path fill="none" stroke="#3d6664" stroke-width="4" stroke-linecap="round" d="M186 332c0-14-4-22-10-28M198 332c0-16 4-24 10-30M322 334c0-12 4-20 10-26"/>',
    `${fade("s", ["#e6eff0", "#b9d0d2"])}${halo("h", "#ffc477", 0.9)}<clipPath id="k"><path d="${blob}"/></clipPath>`,
  );

/** Nothing chosen yet: an open basket, and a visitor. */
export const emptyCart = (): string =>
  svg(
    960,
    720,
    "0 0 480 360",
    `<path fill="url(#s)" d="${blob}"/><circle cx="246" cy="150" r="84" fill="#fff8ec" opacity=".7"/><ellipse cx="246" cy="322" rx="140" ry="14" fill="url(#g)"/>` +
      '<path fill="none" stroke="#a8714a" stroke-width="13" stroke-linecap="round" d="M164 206c0-128 164-128 164 0"/><path fill="none" stroke="#fff" stroke-opacity=".3" stroke-width="4" stroke-linecap="round" d="M166 186c6-50 34-74 72-76"/><ellipse cx="246" cy="208" rx="112" ry="20" fill="#6d4731"/><ellipse cx="246" cy="213" rx="98" ry="13" fill="#4d3226"/>' +
      '<g clip-path="url(#k)"><path fill="#d3a06a" d="M120 200h252v130H120z"/><path stroke="#b98352" stroke-width="9" d="M128 246h240M128 272h240M128 298h240"/><path stroke="#e5bd8c" stroke-width="7" stroke-dasharray="16 16" d="M128 234h240M144 260h224M128 286h240M144 312h224"/><path fill="url(#v)" d="M120 200h252v130H120z"/></g><path fill="none" stroke="#c08a58" stroke-width="12" d="M134 208c0 28 224 28 224 0"/><path fill="#fbf4e6" d="M222 250h48v34h-48z"/><path fill="#2f5d50" d="M229 278l12-18 7 9 6-8 11 17z"/>' +
      '<path fill="#3d5a73" d="M236 92c-18 2-34 10-46 20l30-2c8 6 20 8 30 4 14-6 22-20 20-36l10-4-12-6c-8-8-22-6-26 4-4 8-4 14-6 20z"/><path fill="#e08a55" d="M246 114c14-4 24-18 24-36-8 2-16 10-18 20s-4 12-6 16z"/><path fill="#2c4357" d="M236 92c-16 0-30 8-40 16 16 2 34 0 44-6 4-4 0-10-4-10z"/><circle cx="262" cy="72" r="2.5" fill="#fff"/><path fill="#e8b04a" d="M272 72l12 3-11 4z"/>' +
      '<path fill="#f0b65a" d="M362 92l3.5 10.5L376 106l-10.5 3.5L362 120l-3.5-10.5L348 106l10.5-3.5zM126 120l2.5 7.5L136 130l-7.5 2.5L126 140l-2.5-7.5L116 130l7.5-2.5z"/>',
    `${fade("s", ["#f4e7ec", "#e2cad7"])}<clipPath id="k"><path d="M134 208c0 28 224 28 224 0l-18 96c-3 14-10 20-24 20H176c-14 0-21-6-24-20z"/></clipPath>`,
  );

/** Something broke: weather around the lighthouse, and its light is on. */
export const storm = (): string =>
  svg(
    960,
    720,
    "0 0 480 360",
    `<path fill="url(#s)" d="${blob}"/><g clip-path="url(#k)"><path fill="#ffe2a0" opacity=".5" d="M240 112L20 40v92zM240 112l240-62v120z"/><path fill="#3d4a70" d="M60 92c10-24 46-26 58-8 20-12 46 2 44 22 18 2 22 24 2 28H66c-26-2-28-36-6-42zM318 66c10-20 40-22 50-6 18-8 38 4 36 20 16 2 18 20 2 24h-86c-22-2-22-30-2-38z" opacity=".75"/><path stroke="#cfd9f2" stroke-width="3" stroke-linecap="round" opacity=".6" d="M84 154l-10 24M112 150l-12 30M142 152l-10 24M330 120l-10 24M360 118l-12 30M392 120l-10 24"/><path fill="#2c4a68" d="M0 286c40-26 70 8 110-8s60-18 100 0 70-18 110-2 60-14 180 4v100H0z"/></g>` +
      '<path fill="#2a2f45" d="M176 306c10-34 40-40 64-40s56 8 66 40c4 14-134 14-130 0z"/><path fill="#f7f0e4" d="M216 140h48l16 146h-80z"/><path fill="#c8553d" d="M212 174h56l4 36h-64zM205 244h70l4 36h-78z"/><path fill="url(#v)" d="M216 140h48l16 146h-80z"/><path fill="#3a2a36" d="M234 260h14v26h-14zM236 190c0-8 10-8 10 0v10h-10z"/><path fill="#2f3550" d="M206 130h68v12h-68zM218 92l22-22 22 22zM238 58h4v14h-4z"/><path fill="#fff0b8" d="M222 92h36v38h-36z"/><circle cx="240" cy="111" r="70" fill="url(#h)"/><path stroke="#2f3550" stroke-width="4" d="M222 92v38M240 92v38M258 92v38"/>' +
      '<g clip-path="url(#k)"><path fill="#3f6685" d="M0 312c40-24 76 10 116-6s66-16 108 2 74-18 116-2 70-12 160 4v80H0z"/><path fill="none" stroke="#d9e8f0" stroke-width="5" stroke-linecap="round" opacity=".8" d="M112 308c24 0 34-10 54-12M232 310c26 2 36-6 56-8M344 306c20 4 34-4 52-4"/><path fill="#5d86a0" d="M0 338c60-18 90 8 140-4s90-8 140 4 100-10 220 0v40H0z"/></g>',
    `${fade("s", ["#6a7399", "#a8b6cb"])}${halo("h", "#ffdf9a", 0.95)}<clipPath id="k"><path d="${blob}"/></clipPath>`,
  );
