/** What goes outside: a shell, a pack, a bottle, a shoe and a tent, with the fells behind them. */
import { deep, fade, mix, pale, scene, settings, shadow, shape } from "./scene.ts";

const here = settings.outdoors;

/** A hooded rain shell, hanging in the air as if worn. */
export function shell(cloth: string): string {
  const dark = deep(cloth, 0.22);
  const body =
    "M136 176c18-16 110-16 128 0 10 8 18 20 20 40l6 178c0 8-4 12-12 13-50 8-106 8-156 0-8-1-12-5-12-13l6-178c2-20 10-32 20-40z";
  return scene(
    here,
    shadow(200, 428, 124) +
      shape(mix(cloth, dark, 0.35), "M130 182c-26 12-36 34-42 66l-30 112c-2 9 2 15 10 17l26 7c8 2 14-1 16-9l30-98z") +
      shape(mix(cloth, dark, 0.6), "M270 182c26 12 36 34 42 66l30 112c2 9-2 15-10 17l-26 7c-8 2-14-1-16-9l-30-98z") +
      `<path fill="${dark}" d="M62 350l50 13-5 18c-2 5-5 7-10 6l-30-8c-7-2-10-7-8-14zM338 350l-50 13 5 18c2 5 5 7 10 6l30-8c7-2 10-7 8-14z"/>` +
      shape(cloth, body) +
      `<path fill="${deep(cloth, 0.12)}" d="M136 176c18-16 110-16 128 0 10 8 18 20 20 40-52 22-116 22-168 0 2-20 10-32 20-40z"/>` +
      shape(cloth, "M142 186c-14-34-6-100 58-102 64 2 72 68 58 102-12 18-34 26-58 26s-46-8-58-26z") +
      `<path fill="${deep(cloth, 0.62)}" d="M164 176c-8-26-2-66 36-66s44 40 36 66c-6 16-20 24-36 24s-30-8-36-24z"/><path fill="${deep(cloth, 0.45)}" d="M168 184c6 12 18 16 32 16s26-4 32-16c-2 20-6 30-12 36h-40c-6-6-10-16-12-36z"/>` +
      `<path stroke="${pale(cloth, 0.45)}" stroke-width="5" d="M200 204v206"/><path stroke="${dark}" stroke-width="2" d="M207 206v204"/><path fill="#f2d9a0" d="M196 218h8v18h-8z"/>` +
      `<path stroke="${dark}" stroke-width="5" stroke-linecap="round" d="M146 296l-12 66M254 296l12 66M228 250h30"/><path fill="none" stroke="#fff" stroke-opacity=".3" stroke-width="4" stroke-linecap="round" d="M158 118c8-16 22-24 42-24"/><path fill="none" stroke="${dark}" stroke-width="3" opacity=".6" d="M112 386c56 10 120 10 176 0"/>`,
  );
}

/** A day pack with a lid, leather tabs and room for a mat. */
export function pack(cloth: string): string {
  const leather = "#b97a4b";
  return scene(
    here,
    shadow(200, 428, 132) +
      `<path fill="none" stroke="${deep(cloth, 0.45)}" stroke-width="16" stroke-linecap="round" d="M172 112c0-34 56-34 56 0M108 232c-26 30-30 92-16 140M292 232c26 30 30 92 16 140"/>` +
      shape(
        cloth,
        "M132 150h136c22 0 34 16 36 40l10 186c2 26-12 42-38 42H124c-26 0-40-16-38-42l10-186c2-24 14-40 36-40z",
      ) +
      shape(
        deep(cloth, 0.1),
        "M120 300h160c8 0 12 5 13 12l6 66c1 18-8 28-26 28H127c-18 0-27-10-26-28l6-66c1-7 5-12 13-12z",
      ) +
      `<path stroke="${deep(cloth, 0.4)}" stroke-width="4" opacity=".7" d="M110 332h180"/><path fill="${leather}" d="M190 324h20v18h-20z"/>` +
      shape(
        pale(cloth, 0.1),
        "M118 128c20-26 144-26 164 0 16 20 22 52 22 86 0 10-6 16-16 17-58 8-118 8-176 0-10-1-16-7-16-17 0-34 6-66 22-86z",
      ) +
      `<path stroke="${leather}" stroke-width="13" d="M152 196v76M248 196v76"/><path fill="${deep(leather, 0.35)}" d="M143 246h18v14h-18zM239 246h18v14h-18z"/><path fill="none" stroke="#f1d9a4" stroke-width="3" d="M144 232h16v16h-16zM240 232h16v16h-16z"/>` +
      `<path fill="#fbf4e6" d="M172 152h56v34h-56z"/><path fill="${deep(cloth, 0.3)}" d="M180 180l14-20 8 10 8-12 12 22z"/><path fill="none" stroke="#fff" stroke-opacity=".32" stroke-width="5" stroke-linecap="round" d="M112 208c0-30 4-52 16-66"/>` +
      shape("#d9a15c", "M104 404h192c12 0 18 6 18 14s-6 14-18 14H104c-12 0-18-6-18-14s6-14 18-14z", "t") +
      `<path stroke="${leather}" stroke-width="8" d="M138 402v32M262 402v32"/>`,
  );
}

/** A steel bottle, powder-coated, with a loop to carry it by. */
export function bottle(paint: string): string {
  const steel = "#c9d1d4";
  const body =
    "M172 168h56c6 0 8 4 10 9 4 14 34 26 34 66v150c0 18-12 28-28 28h-88c-16 0-28-10-28-28V243c0-40 30-52 34-66 2-5 4-9 10-9z";
  return scene(
    here,
    shadow(200, 426, 104) +
      shape(paint, body) +
      `<path fill="${deep(paint, 0.28)}" d="M128 376h144v17c0 18-12 28-28 28h-88c-16 0-28-10-28-28z" opacity=".55"/>` +
      `<path fill="none" stroke="#fff" stroke-width="9" stroke-linecap="round" opacity=".5" d="M148 250c2-16 8-26 20-38M146 276v84"/>` +
      `<path fill="#fff8ec" d="M172 318l22-40 13 20 9-13 18 33z"/><path fill="none" stroke="#fff8ec" stroke-width="4" d="M170 330h64"/><circle cx="226" cy="272" r="7" fill="#fff8ec"/>` +
      shape(steel, "M170 144h60c4 0 6 2 6 6v18h-72v-18c0-4 2-6 6-6z") +
      `<path fill="none" stroke="${deep(paint, 0.4)}" stroke-width="10" d="M172 112c0-40 56-40 56 0"/>` +
      shape(deep(paint, 0.4), "M168 104h64c5 0 8 3 8 8v32h-80v-32c0-5 3-8 8-8z") +
      '<path stroke="#fff" stroke-opacity=".18" stroke-width="3" d="M176 110v30M192 110v30M208 110v30M224 110v30"/>',
  );
}

/** A trail shoe from the side. */
export function sneaker(cloth: string, accent: string): string {
  return scene(
    here,
    `${shadow(204, 402, 176, 22)}<g transform="translate(0 10)">` +
      shape("#f6efe2", "M40 350c-4-14 2-24 8-30h308c10 8 14 20 10 32-2 12-10 18-22 18H66c-16 0-22-6-26-20z", "t") +
      `<path fill="${deep(accent, 0.5)}" d="M46 364h318c-4 10-10 16-22 16l-10-6-12 8-14-8-14 8-14-8-14 8-14-8-14 8-14-8-14 8-14-8-14 8-14-8-14 8-14-8-14 8-14-8-14 8-14-8-10 6c-12 0-18-4-22-14z"/>` +
      shape(
        cloth,
        "M52 322c-8-40-2-92 10-116 4-8 12-10 22-6l44 16c10 4 16 2 24-4l16-12c8-6 16-4 22 4 34 42 66 66 118 76 34 6 50 20 52 42z",
      ) +
      `<path fill="${pale(cloth, 0.3)}" d="M290 278c42 2 66 16 70 44h-90c-6-20 2-38 20-44z"/>` +
      shape(accent, "M52 322c-7-34-4-76 4-102 22 2 36 14 40 34 6 30 2 50 12 68z") +
      `<path fill="${deep(cloth, 0.55)}" d="M62 206c4-8 12-10 22-6l44 16c10 4 16 2 24-4l16-12c8-6 16-4 22 4l-26 24c-20 16-40 16-60 6-14-8-28-12-46-10z" opacity=".85"/>` +
      `<path fill="none" stroke="${accent}" stroke-width="11" stroke-linecap="round" d="M132 318c28-10 50-30 66-62M172 320c24-10 40-24 54-44"/>` +
      '<path stroke="#fff8ec" stroke-width="8" stroke-linecap="round" d="M176 232l30-20M194 252l28-22M214 268l26-22M236 282l22-20"/>' +
      `<path fill="${accent}" d="M50 214c-6-26 10-36 24-22l-8 20z"/><path fill="none" stroke="#fff" stroke-opacity=".4" stroke-width="4" stroke-linecap="round" d="M290 292c24 2 40 8 50 18"/></g>`,
  );
}

/** A tent for two at nightfall, lit from inside. */
export function tent(cloth: string): string {
  const tree = (x: number, y: number, size: number) => {
    const [top, low] = [Math.round(size * 1.6), Math.round(size * 1.4)];
    const [back, out] = [Math.round(size * 0.5), Math.round(size * 0.7)];
    return `M${x} ${y}l${size} ${top}h-${back}l${out} ${low}h-${2 * (size - back + out)}l${out}-${low}h-${back}z`;
  };
  return scene(
    {
      ...here,
      wall: ["#2d4468", "#f0b690"],
      disc: "#ffe2b8",
      floor: ["#4e6b62", "#2f4a48"],
      distance: '<path fill="#7d7f9b" opacity=".8" d="M0 344l60-70 40 40 58-82 62 80 52-50 64 66 64-40v110H0z"/>',
    },
    `<path fill="#24443f" d="${tree(46, 268, 30)}${tree(352, 252, 34)}"/><path fill="#2f564d" d="${tree(88, 312, 20)}${tree(314, 312, 20)}"/>` +
      `<ellipse cx="200" cy="420" rx="190" ry="30" fill="url(#l)"/>${shadow(200, 420, 176, 20)}` +
      `<path stroke="#f7ead2" stroke-width="2" opacity=".7" d="M200 216L30 420M200 216l170 204"/>` +
      shape(cloth, "M200 208c40 66 88 140 132 206-88 14-176 14-264 0 44-66 92-140 132-206z") +
      `<path fill="url(#i)" d="M200 236c22 52 40 110 52 184-34 4-70 4-104 0 12-74 30-132 52-184z"/><path fill="${pale(cloth, 0.2)}" d="M200 236c-22 52-40 110-52 184l-26-2c22-66 48-126 78-182z"/><path fill="${deep(cloth, 0.2)}" d="M200 236c22 52 40 110 52 184l26-2c-22-66-48-126-78-182z"/>` +
      `<path fill="#7d4b3a" d="M170 396h60c8 0 10 6 10 12v12h-80v-12c0-6 2-12 10-12z" opacity=".8"/><circle cx="200" cy="300" r="9" fill="#fffbe6"/><path stroke="#7d4b3a" stroke-width="2" d="M200 250v42"/>` +
      `<path stroke="${deep(cloth, 0.3)}" stroke-width="3" opacity=".5" d="M140 302c-22 34-44 70-64 108M260 302c22 34 44 70 64 108"/><path fill="#fff" opacity=".9" d="M76 60h3v3h-3zM120 110h2v2h-2zM312 70h3v3h-3zM340 130h2v2h-2zM60 150h2v2h-2zM270 40h2v2h-2z"/>`,
    `${fade("i", ["#fff0b8", "#ff9f55"])}<radialGradient id="l"><stop stop-color="#ffc67a" stop-opacity=".8"/><stop offset="1" stop-color="#ffc67a" stop-opacity="0"/></radialGradient>`,
  );
}
