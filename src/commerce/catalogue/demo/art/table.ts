/** What stands on a breakfast table: mugs, a kettle, a dripper, a carafe, and the set of them. */
import { deep, mix, pale, scene, settings, shadow, shape } from "./scene.ts";

const steam = (x: number, y: number): string =>
  `<path fill="none" stroke="#fff" stroke-width="9" stroke-linecap="round" opacity=".5" d="M${x} ${y}c-16-22 14-34 0-58s12-34 2-50"/><path fill="none" stroke="#fff" stroke-width="6" stroke-linecap="round" opacity=".4" d="M${x + 36} ${y - 6}c-12-18 12-28 0-46s8-26 2-38"/>`;

const mugBody = "M104 250h172v104c0 36-24 60-60 60h-52c-36 0-60-24-60-60z";

/** A mug without its table, to stand among others. */
function mugAlone(glaze: string): string {
  const clay = mix(glaze, "#c9a27c", 0.72);
  return (
    `<path fill="none" stroke="${deep(glaze, 0.16)}" stroke-width="22" d="M270 282h22c26 0 38 16 38 38s-14 42-42 42h-18"/><path fill="none" stroke="#fff" stroke-opacity=".22" stroke-width="6" stroke-linecap="round" d="M282 276h12c26 0 40 14 42 40"/>` +
    `<path fill="${clay}" d="${mugBody}"/><path fill="${glaze}" d="M104 250h172v92c-26 12-50-6-86 4s-60 12-86 0z"/><path fill="url(#v)" d="${mugBody}"/>` +
    `<path fill="${deep(glaze, 0.4)}" opacity=".5" d="M130 300h3v3h-3zM160 284h4v3h-4zM196 312h3v4h-3zM236 290h4v4h-4zM216 330h3v3h-3zM146 326h3v3h-3zM180 296h2v2h-2zM256 318h3v3h-3zM122 380h4v3h-4zM176 374h3v3h-3zM232 384h4v3h-4zM206 396h3v2h-3z"/>` +
    `<ellipse cx="190" cy="250" rx="86" ry="19" fill="${pale(glaze, 0.35)}"/><ellipse cx="190" cy="252" rx="77" ry="14" fill="${deep(glaze, 0.45)}"/><ellipse cx="190" cy="256" rx="70" ry="10" fill="#4b2b1e"/><path fill="#a2704a" opacity=".7" d="M130 256c14-10 60-12 84-8-24 0-62 2-84 8z"/>`
  );
}

/** Stoneware, dipped to two thirds. */
export const mug = (glaze: string): string =>
  scene(settings.table, `${shadow(204, 420, 128)}${mugAlone(glaze)}${steam(178, 230)}`);

/** A kettle with the neck of a goose. */
export function kettle(enamel: string): string {
  const wood = "#a8714a";
  return scene(
    settings.table,
    `${shadow(200, 422, 136)}` +
      `<path fill="none" stroke="${deep(enamel, 0.12)}" stroke-width="15" stroke-linecap="round" stroke-linejoin="round" d="M128 372C62 372 92 252 70 214c-6-10-16-16-28-16"/><path fill="none" stroke="#fff" stroke-opacity=".35" stroke-width="4" stroke-linecap="round" d="M116 364C62 358 90 250 68 208"/>` +
      `<path fill="none" stroke="#2a2a2e" stroke-width="10" stroke-linecap="round" stroke-linejoin="round" d="M258 250h50c20 0 26 16 22 34l-12 76"/><path stroke="${wood}" stroke-width="24" stroke-linecap="round" d="M329 284l-10 66"/><path stroke="#fff" stroke-opacity=".25" stroke-width="6" stroke-linecap="round" d="M323 284l-9 62"/>` +
      shape(enamel, "M140 236h132c6 0 9 4 10 10l22 146c2 14-8 26-24 26H132c-16 0-26-12-24-26l22-146c1-6 4-10 10-10z") +
      shape(deep(enamel, 0.1), "M150 214h112c8 0 14 8 14 22H136c0-14 6-22 14-22z") +
      shape(wood, "M194 182c0-12 24-12 24 0l-4 32h-16z") +
      `<path stroke="#fff" stroke-width="10" stroke-linecap="round" opacity=".35" d="M146 268l-13 96"/><path stroke="${deep(enamel, 0.4)}" stroke-width="3" opacity=".35" d="M112 384h188"/><circle cx="206" cy="322" r="20" fill="none" stroke="${deep(enamel, 0.5)}" stroke-width="3" opacity=".4"/><path fill="${deep(enamel, 0.5)}" opacity=".5" d="M206 308l4 14-4 14-4-14z"/>` +
      '<path fill="none" stroke="#fff" stroke-width="7" stroke-linecap="round" opacity=".55" d="M34 184c-10-14 8-20 0-34s8-20 2-30"/>',
  );
}

/** A cone on its collar, without the table. */
function dripperAlone(glaze: string): string {
  return (
    '<path fill="#fffaf0" d="M108 208l12-38q80-20 160 0l12 38z"/><path fill="#e4d6c2" d="M120 170q80 20 160 0l12 38H108z"/><ellipse cx="200" cy="206" rx="78" ry="11" fill="#5a3524"/>' +
    `<path fill="none" stroke="${deep(glaze, 0.14)}" stroke-width="15" d="M288 236c38-8 48 44-18 56"/>` +
    shape(glaze, "M106 204c60 18 128 18 188 0l-56 108h-76z") +
    `<path fill="none" stroke="${deep(glaze, 0.4)}" stroke-width="3" stroke-linecap="round" opacity=".4" d="M146 236l30 66M176 242l12 62M224 242l-12 62M254 236l-30 66"/>` +
    shape(glaze, "M132 308h136c10 0 14 16 0 18-42 6-94 6-136 0-14-2-10-18 0-18z")
  );
}

/** A dripper over a glass that fills. */
export const dripper = (glaze: string): string =>
  scene(
    settings.table,
    shadow(200, 424, 112) +
      '<path fill="#fff" opacity=".42" d="M130 326h140l14 78c2 12-6 20-20 20H136c-14 0-22-8-20-20z"/><path fill="#6b3d25" d="M124 366h152l7 38c2 12-6 18-20 18H137c-14 0-22-6-20-18z"/><ellipse cx="200" cy="366" rx="76" ry="9" fill="#8b5636"/><path stroke="#6b3d25" stroke-width="5" stroke-linecap="round" d="M200 326v38"/><path fill="url(#v)" d="M130 326h140l14 78c2 12-6 20-20 20H136c-14 0-22-8-20-20z"/><path stroke="#fff" stroke-width="7" stroke-linecap="round" opacity=".7" d="M140 344l-8 52"/>' +
      dripperAlone(glaze) +
      steam(184, 156),
  );

/** Water in hand-blown glass, with its tumbler for a lid. */
export function carafe(tint: string): string {
  const glass = "M168 156h64v70c0 24 52 50 52 112v46c0 22-14 38-38 38h-92c-24 0-38-16-38-38v-46c0-62 52-88 52-112z";
  return scene(
    settings.table,
    `${shadow(200, 426, 116)}<path fill="${tint}" opacity=".4" d="${glass}"/>` +
      `<path fill="${tint}" opacity=".62" d="M124 306c-5 10-8 20-8 32v46c0 22 14 38 38 38h92c24 0 38-16 38-38v-46c0-12-3-22-8-32-50-12-102-12-152 0z"/><ellipse cx="200" cy="305" rx="76" ry="11" fill="${pale(tint, 0.45)}" opacity=".85"/>` +
      '<g transform="rotate(-12 210 352)"><ellipse cx="210" cy="352" rx="30" ry="27" fill="#f4c64e"/><circle cx="210" cy="352" r="21" fill="#fbe7a0"/><path stroke="#f4c64e" stroke-width="3" d="M210 332v40M190 352h40M196 338l28 28M224 338l-28 28"/></g><path fill="#6f9d5c" d="M150 392c-10-24 4-40 26-44 2 22-6 40-26 44z"/>' +
      `<path fill="url(#v)" opacity=".7" d="${glass}"/><path fill="none" stroke="#fff" stroke-width="9" stroke-linecap="round" opacity=".8" d="M138 326c-5 20-5 44-2 62M184 172v50"/>` +
      `<path fill="${tint}" opacity=".5" d="M156 96h88l-8 84h-72z"/><path fill="url(#v)" opacity=".8" d="M156 96h88l-8 84h-72z"/><ellipse cx="200" cy="96" rx="44" ry="8" fill="#fff" opacity=".55"/><path stroke="#fff" stroke-width="6" stroke-linecap="round" opacity=".75" d="M170 112l5 54"/>`,
  );
}

/** The set: a dripper and two mugs on a board. */
export const morningSet = (glaze: string): string =>
  scene(
    settings.table,
    shadow(200, 436, 190, 22) +
      '<path fill="#b98556" d="M22 410h356l-10 22c-2 5-6 8-12 8H44c-6 0-10-3-12-8z"/><path fill="#d8a879" d="M18 404h364v10H18z"/>' +
      `<g transform="translate(88 93) scale(.62)"><path fill="#cfe0dd" opacity=".75" d="M130 326h140l22 176H108z"/><path fill="#6b3d25" d="M120 410h160l12 92H108z"/><path stroke="#fff" stroke-width="10" opacity=".8" d="M146 346l-14 126"/>${dripperAlone(glaze)}</g>` +
      `<g id="m" transform="translate(-22 232) scale(.44)">${mugAlone(glaze)}</g><use href="#m" x="248"/>`,
  );
