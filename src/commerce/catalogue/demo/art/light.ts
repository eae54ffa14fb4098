/** Lamps, lanterns and a candle, drawn at dusk so that they glow. */
import { deep, fade, mix, pale, round, scene, settings, shadow, shape } from "./scene.ts";

/** Lamplight around a point; `id` names its gradient. */
const glow = (id: string, colour: string, strength = 0.85): string =>
  `<radialGradient id="${id}"><stop stop-color="${colour}" stop-opacity="${strength}"/><stop offset=".45" stop-color="${colour}" stop-opacity="${round(strength * 0.32)}"/><stop offset="1" stop-color="${colour}" stop-opacity="0"/></radialGradient>`;

/** Where the lamplight `l` falls on the floor. */
const pool = (cx: number, cy: number, rx: number): string =>
  `<ellipse cx="${cx}" cy="${cy}" rx="${rx}" ry="${Math.round(rx / 5)}" fill="url(#l)"/>`;

const brass = "#d9a860";

/** A mushroom of coloured glass on a turned foot. */
export function tableLamp(glass: string): string {
  const dome = "M96 262C96 176 142 128 200 128s104 48 104 134c-30 15-66 21-104 21s-74-6-104-21z";
  return scene(
    settings.light,
    `<circle cx="200" cy="258" r="196" fill="url(#l)"/>${shadow(200, 424, 118)}${pool(200, 426, 170)}` +
      shape(
        mix(glass, "#d8c3a8", 0.35),
        "M183 270c2 52-4 92-14 122-6 14-22 18-26 26 30 10 84 10 114 0-4-8-20-12-26-26-10-30-16-70-14-122z",
      ) +
      `<path fill="url(#d)" d="${dome}"/><path fill="url(#v)" d="${dome}"/>` +
      '<ellipse cx="200" cy="266" rx="96" ry="17" fill="#fff2cf"/><ellipse cx="200" cy="262" rx="70" ry="9" fill="#fffbee"/>' +
      '<path fill="#fff" opacity=".5" d="M124 214c6-34 24-56 48-66 7-3 11 3 5 8-20 14-32 32-38 60-3 11-16 9-15-2z"/>' +
      `<circle cx="200" cy="124" r="8" fill="${brass}"/>`,
    `${fade("d", [deep(glass, 0.12), pale(glass, 0.62)])}${glow("l", "#ffcf87")}`,
  );
}

/** A camp lantern with a carrying arc. */
export function lantern(paint: string): string {
  const cage = [158, 186, 214, 242].map((x) => `M${x} 196v150`).join("");
  return scene(
    settings.light,
    `<circle cx="200" cy="270" r="190" fill="url(#l)"/>${shadow(200, 424, 104)}` +
      `<path fill="none" stroke="${brass}" stroke-width="7" stroke-linecap="round" d="M136 196C112 60 288 60 264 196"/>` +
      '<path fill="url(#b)" d="M142 190h116l8 170H134z"/><ellipse cx="200" cy="286" rx="26" ry="44" fill="#fffdf0"/><ellipse cx="200" cy="292" rx="44" ry="66" fill="#fff3c4" opacity=".55"/>' +
      `<path stroke="${deep(paint, 0.35)}" stroke-width="4" d="${cage}"/>` +
      shape(paint, "M152 152h96l22 38c2 6-4 10-10 10H140c-6 0-12-4-10-10z") +
      shape(pale(paint, 0.15), "M166 132h68c6 0 9 4 10 9l4 13h-96l4-13c1-5 4-9 10-9z") +
      shape(paint, "M130 342h140c6 0 10 4 11 10l7 52c1 9-4 15-12 15H124c-8 0-13-6-12-15l7-52c1-6 5-10 11-10z") +
      `<circle cx="200" cy="382" r="15" fill="${brass}"/><circle cx="197" cy="379" r="8" fill="#f6dba6"/><path stroke="${deep(paint, 0.5)}" stroke-width="3" opacity=".4" d="M118 364h164"/>`,
    `${fade("b", ["#ffe7a6", "#ffb765"])}${glow("l", "#ffc477", 0.9)}`,
  );
}

/** An opal globe on a cord. */
export function pendant(): string {
  return scene(
    settings.light,
    `<path stroke="#171831" stroke-width="4" d="M200 0v116"/><circle cx="200" cy="246" r="214" fill="url(#l)"/>${pool(200, 446, 190)}${shadow(200, 446, 84, 11)}` +
      '<circle cx="200" cy="250" r="106" fill="url(#o)"/>' +
      '<path fill="#fff" opacity=".75" d="M124 226c8-36 30-58 56-66 8-2 11 5 4 9-24 14-38 32-46 60-4 10-17 7-14-3z"/>' +
      '<path fill="none" stroke="#e3a86c" stroke-width="2.5" opacity=".55" d="M286 284c-12 34-38 58-72 66"/>' +
      shape(brass, "M176 112h48c4 0 6 3 6 7l4 32c-20 8-48 8-68 0l4-32c0-4 2-7 6-7z") +
      `<path fill="${deep(brass, 0.35)}" d="M190 92h20l4 22h-28z"/>`,
    `${glow("l", "#ffd9a0", 0.7)}<radialGradient id="o" cx=".46" cy=".44" r=".62"><stop stop-color="#fffef6"/><stop offset=".5" stop-color="#fff0cd"/><stop offset="1" stop-color="#eebd86"/></radialGradient>`,
  );
}

/** Wax in a glass, a paper label, one flame. */
export function candle(wax: string): string {
  const glass = "M122 224h156c5 0 8 3 8 8v164c0 16-10 26-26 26H140c-16 0-26-10-26-26V232c0-5 3-8 8-8z";
  return scene(
    settings.light,
    `<circle cx="200" cy="196" r="184" fill="url(#l)"/>${shadow(200, 426, 112)}` +
      `<path fill="${pale(wax, 0.1)}" d="M120 274h160v122c0 13-8 20-20 20H140c-12 0-20-7-20-20z"/><path fill="url(#x)" d="M120 274h160v70H120z"/>` +
      `<ellipse cx="200" cy="274" rx="80" ry="15" fill="${pale(wax, 0.75)}"/><ellipse cx="200" cy="275" rx="40" ry="7" fill="#fff7dc"/>` +
      '<path stroke="#3a2a2a" stroke-width="4" stroke-linecap="round" d="M200 276v-22"/><path fill="#ffb54c" d="M200 168c26 34 30 50 28 62-3 18-14 28-28 28s-25-10-28-28c-2-12 8-28 28-62z"/><path fill="#fff5c8" d="M200 206c12 18 15 26 14 34-1 10-7 15-14 15s-13-5-14-15c-1-8 4-18 14-34z"/>' +
      `<path fill="#fff" opacity=".16" d="${glass}"/><path fill="url(#v)" d="${glass}"/>` +
      `<path fill="#fbf4e6" d="M146 310h108v74H146z"/><path fill="${deep(wax, 0.35)}" d="M162 360l18-26 10 12 16-22 24 36z"/><path stroke="${deep(wax, 0.5)}" stroke-width="3" d="M162 372h76"/><circle cx="222" cy="326" r="5" fill="${deep(wax, 0.15)}"/>` +
      '<ellipse cx="200" cy="228" rx="82" ry="13" fill="none" stroke="#fff" stroke-opacity=".5" stroke-width="3"/>',
    `${glow("l", "#ffbe6e", 0.8)}<linearGradient id="x" x2="0" y2="1"><stop stop-color="#ffd691" stop-opacity=".85"/><stop offset="1" stop-color="#ffd691" stop-opacity="0"/></linearGradient>`,
  );
}

/** A thin arc that carries a small shade, and its cone of light. */
export function readingLight(paint: string): string {
  return scene(
    settings.light,
    `<path fill="url(#c)" d="M246 206h88l52 222H142z"/>${shadow(150, 424, 96)}${pool(264, 426, 150)}` +
      `<path fill="none" stroke="${deep(paint, 0.15)}" stroke-width="9" stroke-linecap="round" d="M146 408C110 220 150 96 232 92c40-2 58 24 58 62"/><path fill="none" stroke="#fff" stroke-opacity=".35" stroke-width="3" stroke-linecap="round" d="M143 390C112 220 152 100 230 89"/>` +
      shape(paint, "M84 404c0-9 30-16 66-16s66 7 66 16v8c0 9-30 15-66 15s-66-6-66-15z") +
      `<ellipse cx="150" cy="403" rx="66" ry="14" fill="${pale(paint, 0.22)}"/>` +
      '<ellipse cx="290" cy="207" rx="46" ry="11" fill="#fff6d6"/>' +
      shape(paint, "M276 148h28c5 0 8 3 10 7l24 48c2 4-1 7-5 6-28-7-58-7-86 0-4 1-7-2-5-6l24-48c2-4 5-7 10-7z") +
      `<circle cx="290" cy="146" r="9" fill="${brass}"/>`,
    '<linearGradient id="c" x2="0" y2="1"><stop stop-color="#ffe9b8" stop-opacity=".75"/><stop offset="1" stop-color="#ffe0a0" stop-opacity="0"/></linearGradient>' +
      glow("l", "#ffdf9e", 0.6),
  );
}

/** The drop: northern lights under a bell of glass. */
export function auroraLamp(): string {
  const bell = "M110 372V236c0-62 38-104 90-104s90 42 90 104v136z";
  return scene(
    { ...settings.light, wall: ["#0e1230", "#2b3a63"], disc: "#3b5a86", floor: ["#27365c", "#141a38"] },
    `<circle cx="200" cy="260" r="200" fill="url(#l)"/>${pool(200, 428, 180)}${shadow(200, 426, 128)}` +
      `<path fill="url(#n)" d="${bell}"/><g clip-path="url(#k)"><path fill="url(#a)" d="M100 300c30-60 34-116 66-130s34 40 62 20 36-66 70-40v150c-40 30-60-30-98-6s-66 30-100 6z"/><path fill="url(#e)" d="M100 320c22-30 46-96 84-92s36 52 70 34 34-44 46-40v99z" opacity=".85"/>` +
      '<path stroke="#eafff4" stroke-width="4" opacity=".16" d="M132 236v80M146 204v90M170 184v100M192 210v80M212 216v66M236 190v90M256 162v120"/><path fill="#101a3c" d="M100 372v-34l34-34 22 20 30-44 26 34 20-18 32 34 36-22v64z"/><path fill="#e8f4ff" opacity=".85" d="M186 280l-11 16 9-2 4 7 5-5 5 2z"/>' +
      '<path fill="#fff" d="M188 152h3v3h-3zM244 174h3v3h-3z"/></g>' +
      '<path fill="#fff" opacity=".42" d="M126 320v-84c0-38 18-66 44-80 8-4 13 3 6 9-22 18-32 40-32 72v83c0 12-18 12-18 0z"/>' +
      `<path fill="none" stroke="#cfe9ff" stroke-opacity=".6" stroke-width="2.5" d="${bell}"/>` +
      shape(brass, "M96 372h208c5 0 8 3 8 8l4 28c1 9-5 15-14 15H98c-9 0-15-6-14-15l4-28c0-5 3-8 8-8z") +
      `<circle cx="200" cy="126" r="9" fill="${brass}"/>`,
    `<clipPath id="k"><path d="${bell}"/></clipPath>${glow("l", "#5fe3c0", 0.6)}${fade("n", ["#131a42", "#2d4c78"])}` +
      '<linearGradient id="a" x2="0" y2="1"><stop stop-color="#b78bff" stop-opacity=".1"/><stop offset=".3" stop-color="#9a7bff"/><stop offset=".62" stop-color="#4fe0c0"/><stop offset="1" stop-color="#4fe0c0" stop-opacity="0"/></linearGradient><linearGradient id="e" x2="0" y2="1"><stop stop-color="#c9ffd9" stop-opacity="0"/><stop offset=".4" stop-color="#8affc1"/><stop offset="1" stop-color="#2fd0b0" stop-opacity="0"/></linearGradient>',
  );
}
