/** For quiet hours: headphones, two prints and a notebook. */
import { deep, fade, pale, round, scene, settings, shadow, shape } from "./scene.ts";

const here = settings.quiet;

/** Headphones on a wooden stand. */
export function headphones(shell: string): string {
  const wood = "#b57f52";
  const cup = (x: number) => `M${x} 232c22 0 34 22 34 56s-12 56-34 56-34-22-34-56 12-56 34-56z`;
  return scene(
    here,
    shadow(200, 424, 116) +
      shape(deep(wood, 0.06), "M192 132h16l4 270h-24z") +
      shape(wood, "M116 404c0-10 38-16 84-16s84 6 84 16v8c0 10-38 17-84 17s-84-7-84-17z") +
      `<ellipse cx="200" cy="403" rx="84" ry="14" fill="${pale(wood, 0.25)}"/><path fill="${deep(wood, 0.25)}" d="M192 392h16l2 12h-20z"/>` +
      `<path fill="none" stroke="${deep(shell, 0.2)}" stroke-width="22" stroke-linecap="round" d="M108 262C92 70 308 70 292 262"/><path fill="none" stroke="#fff" stroke-opacity=".28" stroke-width="5" stroke-linecap="round" d="M104 224c2-60 34-102 82-108"/>` +
      `<path fill="none" stroke="${pale(shell, 0.25)}" stroke-width="13" stroke-linecap="round" d="M136 140c34-36 94-36 128 0"/>` +
      '<path stroke="#c9ced0" stroke-width="8" d="M106 220v44M294 220v44"/>' +
      `<path fill="${deep(shell, 0.55)}" d="M122 230c26 0 40 24 40 58s-14 58-40 58zM278 230c-26 0-40 24-40 58s14 58 40 58z"/>` +
      shape(shell, cup(112)) +
      shape(deep(shell, 0.08), cup(288)) +
      `<ellipse cx="104" cy="288" rx="17" ry="34" fill="${pale(shell, 0.2)}" opacity=".7"/><path fill="none" stroke="#e6c48a" stroke-width="3" d="M104 262c9 0 14 12 14 26s-5 26-14 26-14-12-14-26 5-26 14-26z"/><path fill="#e6c48a" d="M104 274l3 14-3 14-3-14z"/>`,
  );
}

/** A framed sheet that leans on the wall. */
function framed(sheet: string, defs: string, frame: string): string {
  return scene(
    here,
    `${shadow(206, 424, 150, 18)}<path fill="#1b1c3a" opacity=".16" d="M96 92h224v334H96z"/>` +
      shape(frame, "M84 82h224v340H84z") +
      `<path fill="${deep(frame, 0.45)}" d="M94 92h204v320H94z"/><path fill="#fdfaf2" d="M97 95h198v314H97z"/><svg x="117" y="117" width="158" height="250" viewBox="0 0 158 250">${sheet}</svg><path stroke="#8b8a80" stroke-width="2" d="M117 386h44M255 386h20"/><path fill="#fff" opacity=".14" d="M97 95h120L97 330z"/>`,
    defs,
  );
}

/** Seven fells, one behind the other, in the morning. */
export const fellsPrint = (): string => {
  const tones = ["#c9dcd8", "#a7c6c4", "#84aeb0", "#62949b", "#437882", "#2c5b67", "#1a3f4b"];
  const fells = tones.map((tone, index) => {
    const y = 92 + index * 22;
    const lean = [0, 26, -18, 34, -8, 20, -28][index] ?? 0;
    return `<path fill="${tone}" d="M0 ${y + 14}l${38 + lean / 2}-34 ${round(26 - lean / 3)} 20 ${round(32 + lean / 3)}-38 ${30 - lean / 2} 36 40-16v280H0z"/>`;
  });
  return framed(
    `<path fill="url(#y)" d="M0 0h158v250H0z"/><circle cx="104" cy="56" r="24" fill="#f6b26b"/>${fells.join("")}`,
    fade("y", ["#fbe6cf", "#f6c9a8"]),
    "#b98a5e",
  );
};

/** The sun that does not set, over still water. */
export const midnightSunPrint = (): string =>
  framed(
    '<path fill="url(#y)" d="M0 0h158v150H0z"/><circle cx="79" cy="118" r="46" fill="url(#z)"/><path fill="#5b3a6b" d="M0 138l30-24 18 14 22-16 16 12 24-22 22 18 26-14v46H0z"/><path fill="url(#q)" d="M0 150h158v100H0z"/><path stroke="#ffe0a0" stroke-width="4" stroke-linecap="round" d="M46 160h66M54 172h52M40 184h40M90 184h22M60 197h40M66 210h24M72 223h34M76 236h12"/><path fill="#2b2147" d="M20 176c10 6 30 6 40 0l-4 8H26zM39 156h2v20h-2z"/><path fill="#fdf0d6" d="M42 156l12 17H42z"/>',
    `${fade("y", ["#4b3f7d", "#f3906f"])}${fade("z", ["#fff0b0", "#ffb45e"])}${fade("q", ["#d9736a", "#3a2c5e"])}`,
    "#33323c",
  );

/** A cloth notebook with its band, ribbon and pencil. */
export function notebook(cloth: string): string {
  return scene(
    here,
    `${shadow(206, 420, 150, 22)}<g transform="rotate(-7 200 270)">` +
      `<path fill="${deep(cloth, 0.35)}" d="M112 134h196c8 0 12 5 12 12v258c0 8-4 12-12 12H112z"/><path fill="#fbf5e6" d="M112 128h194v280H112z"/><path stroke="#d9cfb8" stroke-width="2" d="M306 140v262M302 136v268M298 132v274"/>` +
      shape(cloth, "M102 118h184c8 0 12 5 12 12v258c0 8-4 12-12 12H102c-8 0-12-4-12-12V130c0-7 4-12 12-12z") +
      `<path fill="${deep(cloth, 0.3)}" d="M102 118h14v282h-14c-8 0-12-4-12-12V130c0-7 4-12 12-12z" opacity=".7"/><path fill="${deep(cloth, 0.55)}" d="M262 118h11v282h-11z"/>` +
      `<path fill="#fbf4e6" d="M144 176h92v66h-92z"/><path fill="${deep(cloth, 0.25)}" d="M158 228l22-34 13 17 13-22 20 39z"/><circle cx="224" cy="190" r="6" fill="#e3a34f"/><path fill="#c8553d" d="M160 400h12v46l-6-8-6 8z"/>` +
      '</g><g transform="rotate(24 316 300)"><path fill="#e8b04a" d="M308 178h20v196h-20z"/><path fill="#fff" opacity=".35" d="M311 178h5v196h-5z"/><path fill="#f1dcb6" d="M308 374h20l-10 30z"/><path fill="#33323c" d="M314 392h8l-4 12z"/><path fill="#d9dcdc" d="M308 166h20v14h-20z"/><path fill="#d98a7a" d="M308 152c0-8 20-8 20 0v14h-20z"/></g>',
  );
}
