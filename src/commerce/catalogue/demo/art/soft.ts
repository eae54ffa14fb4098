/** Wool and feathers: a blanket, a beanie, socks and a cushion. */
import { deep, pale, round, scene, settings, shadow, shape } from "./scene.ts";

const here = settings.soft;

/** A plaid blanket over a rail, its fringe hanging. */
export function blanket(wool: string, stripe: string): string {
  const cloth = "M92 126q108 12 216 0c10 90 10 170 2 258q-36 12-72 3t-72 3-76-6c-8-88-8-168 2-258z";
  const fringe = Array.from(
    { length: 19 },
    (_, index) => `M${round(96 + index * 11.6)} 382q${index % 2 ? 4 : -4} 16 0 30`,
  ).join("");
  return scene(
    here,
    `${shadow(204, 438, 140, 16)}<path stroke="${deep(wool, 0.28)}" stroke-width="5" stroke-linecap="round" fill="none" d="${fringe}"/>` +
      `<path fill="${deep(wool, 0.34)}" d="M104 128h210l8 206-20 4z"/>` +
      `<g clip-path="url(#k)"><path fill="${wool}" d="M60 100h280v320H60z"/><path fill="${stripe}" opacity=".6" d="M112 100h30v320h-30zM186 100h30v320h-30zM260 100h30v320h-30zM60 166h280v28H60zM60 242h280v28H60zM60 318h280v28H60z"/>` +
      '<path fill="#fff" opacity=".5" d="M125 100h4v320h-4zM199 100h4v320h-4zM273 100h4v320h-4zM60 178h280v4H60zM60 254h280v4H60zM60 330h280v4H60z"/>' +
      `<path fill="url(#h)" d="M60 100h280v320H60z"/><path fill="url(#t)" d="${cloth}"/></g>` +
      shape("#b98556", "M40 110h320c6 0 10 4 10 9s-4 9-10 9H40c-6 0-10-4-10-9s4-9 10-9z", "t") +
      `<g clip-path="url(#k)"><path fill="${pale(wool, 0.12)}" d="M88 104h224v30q-112 12-224 0z"/></g><path fill="${pale(wool, 0.12)}" d="M94 116c0-16 16-20 26-20h160c10 0 26 4 26 20v12q-106 11-212 0z"/><path fill="${stripe}" opacity=".6" d="M114 96h28v36l-29-1zM187 96h28v37h-28zM258 96h28l2 34-29 2z"/><path fill="#fbf4e6" d="M262 352h36v28h-36z"/><path fill="${deep(wool, 0.4)}" d="M267 374l10-15 5 7 5-7 8 15z"/>`,
    `<clipPath id="k"><path d="${cloth}"/></clipPath><linearGradient id="h" spreadMethod="repeat" x2=".3"><stop stop-opacity=".16"/><stop offset=".3" stop-color="#fff" stop-opacity=".1"/><stop offset=".6" stop-opacity="0"/><stop offset="1" stop-opacity=".16"/></linearGradient>`,
  );
}

/** A ribbed beanie with its cuff turned up. */
export function beanie(wool: string): string {
  const ribs = [-76, -52, -27, 0, 27, 52, 76]
    .map((x) => `M${200 + x} 318Q${round(200 + x * 1.1)} 210 ${round(200 + x * 0.24)} 134`)
    .join("");
  const cuff = Array.from({ length: 15 }, (_, index) => `M${round(98 + index * 14.6)} 322v70`).join("");
  return scene(
    here,
    shadow(200, 412, 132) +
      shape(wool, "M92 330c-6-118 36-200 108-200s114 82 108 200z") +
      `<path fill="none" stroke="${deep(wool, 0.35)}" stroke-width="4" opacity=".32" d="${ribs}"/>` +
      shape(
        pale(wool, 0.1),
        "M92 312h216c9 0 15 6 15 14l3 62c0 9-6 15-15 16-72 8-150 8-222 0-9-1-15-7-15-16l3-62c0-8 6-14 15-14z",
      ) +
      `<path stroke="${deep(wool, 0.35)}" stroke-width="4" opacity=".26" d="${cuff}"/>` +
      `<path fill="#fbf4e6" d="M224 338h56v38h-56z"/><path fill="${deep(wool, 0.45)}" d="M232 368l15-22 8 11 8-13 13 24z"/>` +
      `<path fill="none" stroke="#fff" stroke-opacity=".3" stroke-width="6" stroke-linecap="round" d="M122 266c6-50 24-86 52-104"/><circle cx="200" cy="128" r="10" fill="${deep(wool, 0.12)}"/>`,
  );
}

/** A pair of socks, one before the other. */
export function socks(wool: string, tip: string): string {
  const sock = "M0 0h84v150c0 20 10 28 28 40l44 30c26 18 22 62-14 62-30 0-74-18-112-52C6 208 0 190 0 160z";
  const one = (id: string) =>
    `<clipPath id="${id}"><path d="${sock}"/></clipPath><g clip-path="url(#${id})"><path fill="${wool}" d="${sock}"/><path fill="${tip}" d="M120 180h80v120h-80zM-10 158c30 4 40 30 34 70h-50z"/><path fill="${tip}" d="M0 0h84v34H0z"/><path fill="${pale(wool, 0.55)}" d="M0 52h84v10H0zM0 72h84v10H0z"/><path fill="${tip}" d="M42 94l16 24-16 24-16-24z"/><path stroke="${deep(tip, 0.5)}" stroke-width="2.5" opacity=".35" d="M8 4v28M19 4v28M30 4v28M41 4v28M52 4v28M63 4v28M74 4v28"/><path fill="url(#v)" d="${sock}"/></g>`;
  return scene(
    here,
    `${shadow(206, 420, 150, 22)}<g transform="translate(176 120) rotate(4)" opacity=".96">${one("k")}</g><g transform="translate(86 132) rotate(-3)"><use href="#p"/></g>`,
    `<g id="p">${one("j")}</g>`,
  );
}

/** A cushion with a woven fell on it. */
export function cushion(linen: string, thread: string): string {
  const pad =
    "M84 176c30 14 202 14 232 0 12-5 18 2 15 14-12 62-12 140 0 204 3 12-3 19-15 15-64-16-168-16-232 0-12 4-18-3-15-15 12-64 12-142 0-204-3-12 3-19 15-14z";
  return scene(
    here,
    shadow(200, 424, 160, 20) +
      shape(linen, pad) +
      `<path fill="none" stroke="${thread}" stroke-width="10" stroke-linejoin="round" d="M96 348l48-66 24 30 40-62 34 48 18-22 44 72"/><path fill="none" stroke="${thread}" stroke-width="5" opacity=".6" d="M98 372l46-62 24 28 40-58 34 44 18-20 42 68"/><circle cx="252" cy="230" r="19" fill="${thread}"/>` +
      `<path fill="none" stroke="${deep(linen, 0.4)}" stroke-width="3" stroke-dasharray="7 7" opacity=".45" d="M94 190c40 10 172 10 212 0-10 60-10 132 0 192-60-12-152-12-212 0 10-60 10-132 0-192z"/>` +
      `<path fill="url(#t)" d="${pad}"/><path fill="none" stroke="#fff" stroke-opacity=".35" stroke-width="5" stroke-linecap="round" d="M86 206c8 44 10 76 8 110"/>`,
  );
}
