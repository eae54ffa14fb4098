/**
 * What somebody in a waiting room can keep to show later, or to have checked: that their join stands in the log, and that the draw gave them
 * the rank that it had to give. Served at `/.spillway/rooms/ID/receipt` to the holder of a ticket; checked by `bin/spillway verify-draw`
 * and at `/.spillway/verify`.
 */
import Type from "typebox";
import type { SignedNow } from "./waiting-room.ts";

const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const hash = Type.String({ pattern: "^[0-9a-f]{64}$", description: "32 bytes, hexadecimal" });
const hashes = Type.Array(hash, { maxItems: 128 });

/** Only what a check reads; a document says more. */
const signedNow = Type.Unsafe<SignedNow>(
  Type.Object({
    now: Type.Object({
      room: Type.String(),
      epoch: count,
      cursor: count,
      holes: Type.Array(Type.Tuple([count, count]), { maxItems: 10_000 }),
      log: Type.Object({ size: count, root: hash }),
      draw: Type.Optional(
        Type.Object({
          commitment: hash,
          entrants: Type.Union([Type.Integer({ minimum: 0, maximum: 10_000_000 }), Type.Null()]),
          root: Type.Union([hash, Type.Null()]),
          seed: Type.Union([hash, Type.Null()]),
          holes: Type.Optional(Type.Array(Type.Tuple([count, count]), { maxItems: 1000 })),
        }),
      ),
      issuedAtMs: Type.Number(),
    }),
    keyId: Type.Integer({ minimum: 0, maximum: 255 }),
    signature: Type.String({ maxLength: 200 }),
  }),
);

export const Receipt = Type.Object({
  receipt: Type.Literal("spillway receipt 1"),
  number: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: "As in the ticket" }),
  rank: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()], {
    description: "That the line uses; null for an entrant before the draw",
  }),
  join: Type.Object(
    { arrivedMs: count, nonce: Type.String({ pattern: "^[0-9a-f]{32}$" }) },
    { description: "With room and epoch what the leaf is made of" },
  ),
  inclusion: Type.Object(
    { size: count, proof: hashes },
    {
      description:
        "The leaf in the log's first `size` leaves: up to the last entrant for one of them, else the whole log",
    },
  ),
  growth: Type.Array(hash, { maxItems: 128, description: "That the document's log continues those first leaves" }),
  document: signedNow,
  since: Type.Optional(
    Type.Object(
      { size: count, growth: hashes },
      { description: "That the document's log continues its first `size` leaves; given for `?since=size`" },
    ),
  ),
  earlier: Type.Optional(signedNow),
  keys: Type.Record(Type.String({ pattern: "^[0-9]{1,3}$" }), Type.String(), {
    description: "Raw Ed25519 public keys, base64url, by id, as published at /.spillway/keys when it was made",
  }),
});
/** `earlier`: a document that its holder kept from before, and adds to be compared; the shop cannot know which. */
export type Receipt = Type.Static<typeof Receipt>;
