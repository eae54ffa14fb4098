/**
 * The script of the page that checks receipts: the same checks as receipt.ts in the same words, written a second time for WebCrypto and without
 * anything of the first, so that a mistake in one of them shows as a difference; test/edge/waiting-room/verify-page.test.ts lays them side by side.
 * It needs a page from https or this machine, because browsers have WebCrypto only there.
 */
export const verifyScript = `"use strict";
(function () {
var $ = function (id) { return document.getElementById(id) };
var subtle = globalThis.crypto && crypto.subtle;
var utf8 = function (text) { return new TextEncoder().encode(text) };
function raw(hex) { var out = new Uint8Array(hex.length / 2); for (var i = 0; i < out.length; i++) out[i] = parseInt(hex.substr(2 * i, 2), 16); return out }
function hex(bytes) { return Array.from(bytes, function (byte) { return byte.toString(16).padStart(2, "0") }).join("") }
function base64url(text) { return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), function (sign) { return sign.charCodeAt(0) }) }
/** Big-endian, in so many bytes. */
function number(value, length) { var out = new Uint8Array(length); for (var i = length - 1; i >= 0; i--) { out[i] = value % 256; value = Math.floor(value / 256) } return out }
async function sha256() {
  var length = 0, at = 0;
  for (var part of arguments) length += part.length;
  var all = new Uint8Array(length);
  for (part of arguments) { all.set(part, at); at += part.length }
  return new Uint8Array(await subtle.digest("SHA-256", all))
}
var node = function (left, right) { return sha256([1], left, right) };
function split(count) { var half = 1; while (half * 2 < count) half *= 2; return half }
/** RFC 6962, 2.1.1, from the root downwards: the last of the proof is the sibling at the top. */
async function climb(index, size, hash, proof) {
  if (size === 1) { if (proof.length) throw 0; return hash }
  if (!proof.length) throw 0;
  var half = split(size), sibling = proof[proof.length - 1], rest = proof.slice(0, -1);
  return index < half ? node(await climb(index, half, hash, rest), sibling) : node(sibling, await climb(index - half, size - half, hash, rest))
}
/** RFC 6962, 2.1.2: the roots of the old tree and the new one. */
async function grow(older, size, isWhole, proof, root) {
  if (older === size) {
    if (isWhole) { if (proof.length) throw 0; return [root, root] }
    if (proof.length !== 1) throw 0;
    return [proof[0], proof[0]]
  }
  if (!proof.length) throw 0;
  var half = split(size), sibling = proof[proof.length - 1], rest = proof.slice(0, -1), below;
  if (older <= half) { below = await grow(older, half, isWhole, rest, root); return [below[0], await node(below[1], sibling)] }
  below = await grow(older - half, size - half, false, rest, root);
  return [await node(sibling, below[0]), await node(sibling, below[1])]
}
async function includes(tree, index, leaf, proof) {
  try { return index >= 0 && index < tree.size && hex(await climb(index, tree.size, await sha256([0], leaf), proof.map(raw))) === tree.root } catch (_) { return false }
}
async function continues(from, to, proof) {
  if (from.size < 1 || from.size > to.size) return false;
  try { var roots = await grow(from.size, to.size, true, proof.map(raw), raw(from.root)); return hex(roots[0]) === from.root && hex(roots[1]) === to.root } catch (_) { return false }
}
var missing = function (holes) { return (holes || []).reduce(function (sum, hole) { return sum + hole[1] - hole[0] + 1 }, 0) };
async function rankOf(draw, seq) {
  var before = 0, entrants = draw.entrants;
  if (seq > entrants + missing(draw.holes)) return seq;
  for (var hole of draw.holes || []) {
    if (seq < hole[0]) break;
    if (seq <= hole[1]) return entrants + before + seq - hole[0] + 1;
    before += hole[1] - hole[0] + 1
  }
  var key = await sha256(utf8("spillway draw 1\\n"), raw(draw.seed), raw(draw.root), number(entrants, 8));
  var side = 2;
  while (side * side < entrants) side += 2;
  var value = seq - before - 1;
  do {
    var left = Math.floor(value / side), right = value % side;
    for (var round = 0; round < 16; round++) {
      var hash = await sha256(key, [round], number(right, 4)), add = 0;
      for (var i = 0; i < 6; i++) add = add * 256 + hash[i];
      var sum = (left + add % side) % side;
      left = right; right = sum
    }
    value = left * side + right
  } while (value >= entrants);
  return value + 1
}
/** True, false, or undefined where the browser knows no Ed25519. */
async function signed(document, keys) {
  var bytes;
  try {
    var key = base64url(keys[document.keyId]);
    bytes = base64url(document.signature);
    if (key.length !== 32) return false
  } catch (_) { return false }
  try { key = await subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]) } catch (_) { return undefined }
  return subtle.verify({ name: "Ed25519" }, key, bytes, utf8(JSON.stringify(document.now))).catch(function () { return false })
}
async function check(receipt, published) {
  var document = receipt.document, now = document.now, draw = now.draw, log = now.log, seq = receipt.number, found = [];
  var say = function (id, result, sentence) { found.push({ id: id, result: result === true ? "holds" : result === false ? "broken" : "open", sentence: sentence }) };
  var keys = published || receipt.keys, whose = published ? "the key that the shop publishes" : "the key that the receipt brings itself";
  if (!(document.keyId in keys)) say("signature", false, "The document names key " + document.keyId + ", which is not among the keys.");
  else {
    var holds = await signed(document, keys);
    say("signature", holds, holds === undefined ? "This browser cannot check Ed25519 signatures. bin/spillway verify-draw can." : holds ? "The document is signed by " + whose + ", number " + document.keyId + "." : "The document's signature is not by " + whose + ", number " + document.keyId + ".")
  }
  var isDrawn = draw && draw.entrants !== null && draw.root !== null, last = isDrawn ? draw.entrants + missing(draw.holes) : 0;
  var isEntrant = isDrawn && seq <= last, tree = isEntrant ? { size: last, root: draw.root } : log;
  var of = isEntrant ? "the " + last + " joins before the draw" : "the " + log.size + " joins of the log";
  var isLost = (draw && draw.holes || []).concat(now.holes || []).some(function (hole) { return seq >= hole[0] && seq <= hole[1] });
  if (isLost) say("join", undefined, "The document says that the line lost what it knew of number " + seq + ", so the log cannot show it.");
  else {
    var leaf = await sha256(utf8("spillway join 1\\n"), await sha256(utf8(now.room)), number(now.epoch, 4), number(receipt.join.arrivedMs, 8), raw(receipt.join.nonce));
    var isIn = receipt.inclusion.size === tree.size && await includes(tree, seq - 1, leaf, receipt.inclusion.proof);
    say("join", isIn, isIn ? "This join is number " + seq + " of " + of + "." : "This join is not number " + seq + " of " + of + ": the proof leads to another root.");
    if (isEntrant) {
      var begins = await continues(tree, log, receipt.growth);
      say("entrants", begins, begins ? "The joins before the draw are the first " + last + " of the " + log.size + " joins of the log." : "The log of " + log.size + " joins does not begin with the " + last + " before the draw.")
    }
  }
  var isMade = isDrawn && draw.seed !== null;
  if (draw) {
    if (draw.seed === null) say("commitment", undefined, "The seed is not published yet. Get the receipt again after the draw.");
    else {
      var isSeed = hex(await sha256(raw(draw.seed))) === draw.commitment;
      say("commitment", isSeed, "The seed is " + (isSeed ? "" : "not ") + "the one that the commitment was made of.")
    }
  }
  if (draw && !isMade) say("rank", undefined, "The draw has not been made yet, so there is no rank to check.");
  else {
    var due = isMade ? await rankOf(draw, seq) : seq;
    var how = isMade && seq <= last ? "The draw gives number " + seq + " rank " + due + " of " + draw.entrants : "Number " + seq + " came after the doors opened, so its rank is its number";
    say("rank", receipt.rank === due, how + (receipt.rank === due ? "." : ", and the line uses " + (receipt.rank === null ? "none" : receipt.rank) + "."))
  }
  if (receipt.earlier) await compare();
  return found;

  async function compare() {
    var before = receipt.earlier.now, at = "the document of " + new Date(before.issuedAtMs).toISOString();
    var broken = function (what) { say("earlier", false, what + " (" + at + ").") };
    if (receipt.earlier.keyId in keys) {
      var isSigned = await signed(receipt.earlier, keys);
      if (isSigned === undefined) return say("earlier", undefined, "This browser cannot check Ed25519 signatures. bin/spillway verify-draw can.")
    }
    if (!isSigned) return broken("The earlier document is not signed by a known key");
    if (before.room !== now.room || before.epoch !== now.epoch) return broken("The earlier document is of another room or epoch");
    if (before.draw) {
      if (!draw || draw.commitment !== before.draw.commitment) return broken("The commitment was exchanged");
      for (var name of ["entrants", "root", "seed"]) if (before.draw[name] !== null && before.draw[name] !== draw[name]) return broken("The draw's " + name + " was exchanged")
    }
    if (now.cursor < before.cursor) return broken("The line went back, from " + before.cursor + " to " + now.cursor + " called");
    if (before.log.size > 0) {
      if (!receipt.since || receipt.since.size !== before.log.size) return say("earlier", undefined, "The receipt brings no proof for " + at + ". Ask for it with ?since=" + before.log.size + ".");
      if (!await continues(before.log, log, receipt.since.growth)) return broken("The log was changed: it does not begin with the joins that it held before")
    }
    say("earlier", true, "Nothing was taken back since " + at + ": the same commitment, and a log that only grew.")
  }
}
/** What is wrong with its shape; undefined for a receipt. */
function complaint(value) {
  var hash = /^[0-9a-f]{64}$/, whole = function (n) { return Number.isSafeInteger(n) && n >= 0 };
  var hashes = function (list) { return Array.isArray(list) && list.length <= 128 && list.every(function (one) { return hash.test(one) }) };
  var spans = function (list) { return Array.isArray(list) && list.every(function (span) { return Array.isArray(span) && whole(span[0]) && whole(span[1]) }) };
  var document = function (one) {
    var now = one && one.now, draw = now && now.draw, maybe = function (text) { return text === null || hash.test(text) };
    return now && typeof now.room === "string" && whole(now.epoch) && whole(now.cursor) && spans(now.holes) && now.log && whole(now.log.size) && hash.test(now.log.root) && Number.isFinite(now.issuedAtMs) && whole(one.keyId) && typeof one.signature === "string" &&
      (draw === undefined || draw && hash.test(draw.commitment) && (draw.entrants === null || whole(draw.entrants) && draw.entrants <= 1e7) && maybe(draw.root) && maybe(draw.seed) && spans(draw.holes || []))
  };
  if (!value || value.receipt !== "spillway receipt 1") return "it does not begin as a receipt does";
  if (!whole(value.number) || value.number < 1) return "its number is none";
  if (!value.join || !whole(value.join.arrivedMs) || !/^[0-9a-f]{32}$/.test(value.join.nonce)) return "its join is not whole";
  if (!value.inclusion || !whole(value.inclusion.size) || !hashes(value.inclusion.proof) || !hashes(value.growth)) return "its proof is not whole";
  if (!document(value.document) || value.earlier !== undefined && !document(value.earlier)) return "its document is not whole";
  if (value.since !== undefined && !(value.since && whole(value.since.size) && hashes(value.since.growth))) return "its proof of growth is not whole";
  if (!value.keys || typeof value.keys !== "object") return "it brings no keys"
}
globalThis.checkReceipt = check;

var words = { holds: "holds", broken: "broken", open: "cannot be told" };
function show(title, lead, checks) {
  $("result").hidden = false;
  $("verdict").textContent = title;
  $("lead").textContent = lead;
  $("checks").replaceChildren.apply($("checks"), checks.map(function (one) {
    var item = document.createElement("li"), word = document.createElement("b"), text = document.createElement("span");
    item.className = one.result; word.textContent = words[one.result]; text.textContent = one.sentence;
    item.append(word, text);
    return item
  }));
  $("verdict").focus()
}
var published;
async function keysOfShop() {
  var answer = await fetch("/.spillway/keys", { headers: { accept: "application/json" } });
  if (!answer.ok) throw 0;
  var body = await answer.json();
  return body.keys || body
}
async function run(text) {
  if (!subtle) return show("This page cannot check here", "Browsers can check receipts only on pages that came by https. Use bin/spillway verify-draw.", []);
  var receipt, wrong;
  try { receipt = JSON.parse(text); wrong = complaint(receipt) } catch (_) { wrong = "it is not JSON" }
  if (wrong) return show("This is no receipt", "Paste the whole receipt as you got it: " + wrong + ".", []);
  try { published = published || await keysOfShop() } catch (_) {}
  var checks = await check(receipt, published);
  var count = function (result) { return checks.filter(function (one) { return one.result === result }).length };
  var broken = count("broken"), open = count("open");
  var who = "Room " + receipt.document.now.room + ", number " + receipt.number + (receipt.rank === null ? ", not drawn yet." : ", rank " + receipt.rank + ".");
  show(broken ? (broken === 1 ? "One check is broken" : broken + " checks are broken") : open ? "Nothing is broken" : "Everything holds", who, checks)
}
/** Never more than a receipt can be. */
async function read(file) { if (file) { $("receipt").value = await file.slice(0, 4194304).text(); await run($("receipt").value) } }
$("form").addEventListener("submit", function (event) { event.preventDefault(); run($("receipt").value) });
$("file").addEventListener("change", function () { read($("file").files[0]); $("file").value = "" });
addEventListener("dragover", function (event) { event.preventDefault() });
addEventListener("drop", function (event) { event.preventDefault(); read(event.dataTransfer.files[0]) });
document.documentElement.className = "ready"
})();
`;
