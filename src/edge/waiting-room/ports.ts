/** What the waiting room needs of the world. */

/**
 * Where all edges agree: one value for each room, changed by compare-and-set. Small values (a few kilobytes), tens of changes a
 * second. Every call rejects within its time-out when the store cannot be reached; then it is not known whether it was carried out.
 */
export interface LineStore {
  /**
   * What is there now. `value` null: nothing. `version` rises with each change. `server` names the running store: it is another one after a
   * restart or fail-over, when the last changes may be gone. `wallMs` is the store's own clock.
   *
   * `inTurn`: for an edge whose write others were quicker than. It waits for the turn of another that reads like this, and then nobody else's write is taken
   * before its own, for as long as it needs. Without it an edge far from the store would never be heard beside busy ones that are near. Where that
   * takes too long it is read without a turn.
   */
  read(room: string, inTurn?: boolean): Promise<StoredLine>;
  /** Writes when the version (0: nothing there) and the server are still these, and gives its version then; undefined when not, and nothing happened. */
  write(room: string, from: Pick<StoredLine, "version" | "server">, value: string): Promise<number | undefined>;
  /** Appends leaves (32 bytes each) of the join log at this place, in leaves; what stands there already is written over by the same. */
  appendLeaves(room: string, at: number, leaves: Uint8Array): Promise<void>;
  /** Leaves from `from` (inclusive) to `to`; fewer when not all are there. */
  readLeaves(room: string, from: number, to: number): Promise<Uint8Array>;
  /** Notes a short secret for `seconds`: hand-over codes, used invitations. False when the name is there already. */
  putOnce(name: string, value: string, seconds: number): Promise<boolean>;
  /** Takes it away and gives it; undefined when there is none. Of two callers one gets it. */
  takeOnce(name: string): Promise<string | undefined>;
  close(): Promise<void>;
}

export type StoredLine = {
  readonly value: string | null;
  readonly version: number;
  readonly server: string;
  readonly wallMs: number;
};

/** Keys and hashes. All of them synchronous: they run on every request. */
export interface RoomKeys {
  /** The id that signs now; 0 to 255. */
  readonly keyId: number;
  /** HMAC-SHA256, the first 16 bytes, good until the next call; undefined for a key that is not known. */
  mac(keyId: number, bytes: Uint8Array): Uint8Array | undefined;
  /** In constant time. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
  sha256(...parts: readonly Uint8Array[]): Uint8Array;
  /** A secret that only depends on the edges' secret and this text: 32 bytes. */
  derive(purpose: string): Uint8Array;
  /** The same of each secret that is still believed, the newest first: for what an older one was derived for. */
  deriveEach(purpose: string): readonly Uint8Array[];
  /** Ed25519, base64url. */
  signDocument(text: string): string;
  /** Raw Ed25519 public keys, base64url, by key id: published at /.spillway/keys. */
  readonly documentKeys: Readonly<Record<number, string>>;
  randomBytes(length: number): Uint8Array;
  /** ECDSA P-256 with SHA-256, as WebCrypto makes it (64 bytes). `key`: the raw public key, 65 bytes. */
  verifyPossession(key: Uint8Array, text: string, signature: Uint8Array): Promise<boolean>;
}

/** The last that an edge knew of its rooms, kept over a restart. Written whole or not at all. */
export interface CheckpointFile {
  read(room: string): Promise<string | undefined>;
  write(room: string, text: string): Promise<void>;
}

/** E-mails to those who asked. Rejects when it could not be handed over. */
export interface RoomMail {
  send(mail: { readonly to: string; readonly subject: string; readonly text: string }): Promise<void>;
}

/** Whose crawler this is, by reverse and forward DNS; undefined for nobody's. */
export type VerifyBot = (address: string, domains: readonly string[]) => Promise<string | undefined>;

/** Whether a shop elsewhere has signed this body now: `t=…,v1=…`. False where no secret is configured. */
export type VerifyStockSignature = (header: string | null, body: Uint8Array, nowMs: number) => boolean;

/** A picture of a text that a telephone's camera reads: SVG without a colour of its own. */
export type DrawQr = (text: string) => string;

/** Those who asked to be told, one JSON object a line, in the order in which they came. Kept over a restart where there is a folder for it. */
export interface TellerBook {
  read(room: string): Promise<readonly string[]>;
  append(room: string, line: string): Promise<void>;
  /** Instead of all that is there: whole or not at all. */
  replace(room: string, lines: readonly string[]): Promise<void>;
}
